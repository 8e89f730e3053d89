"""Sources of trials to import, each recognised by what it is: studies, records, pickles, tables, Optuna storages."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metaopt.engine.carrying_over import NewStudy
from metaopt.errors import UserError
from metaopt.exchange.from_csv import csv_events
from metaopt.exchange.from_optuna import optuna_events
from metaopt.exchange.from_study import study_events
from metaopt.exchange.optuna_storage import is_optuna_file
from metaopt.files.regular_file import open_regular
from metaopt.quantities import plural
from metaopt.storage.importing import read_foreign
from metaopt.storage.journal import Event
from metaopt.storage.study import JOURNAL, Study
from metaopt.terminal.commands import shown
from metaopt.values.urls import is_url

_MOST_BYTES = 200_000_000


@dataclass(frozen=True)
class Importer:
    """Reads trials of any source as events for one study.

    Attributes:
        new: the study.
        defaults: see ``Problem.defaults``.
        heads: heads of its data set, the first one first.
        note: is told what is left out.
        optuna_study: name of the study in an Optuna storage; None where it has one only.
    """

    new: NewStudy
    defaults: Mapping[str, Any]
    heads: tuple[str, ...]
    note: Callable[[str], None]
    optuna_study: str | None = None

    def read(self, source: str | Path) -> list[Event]:
        """Return the trials of a source; none where it holds none that was trained to its end.

        Args:
            source: a study's folder, a folder of records, a record, a pickle of hyperopt's Trials, a CSV file, a SQLite
                database or a journal of Optuna, or the URL of its database.

        Raises:
            UserError: It cannot be read, or holds no trial of the space.
        """
        space, objectives = self.new.space, self.new.settings.objectives
        if isinstance(source, str) and is_url(source):
            return list(optuna_events(source, self.optuna_study, space, objectives, self.defaults))
        path = Path(source)
        if path.is_dir():
            if (path / JOURNAL).exists():
                return study_events(Study.load(path), self.new, self.defaults, self.note)
            return self._read_folder(path)
        if path.suffix.lower() == ".csv":
            return list(csv_events(path, space, objectives, self.defaults))
        if path.suffix != ".json" and is_optuna_file(path):
            return list(optuna_events(str(path), self.optuna_study, space, objectives, self.defaults))
        return list(read_foreign(path, space, objectives[0], self.defaults, self.heads))

    def _read_folder(self, folder: Path) -> list[Event]:
        """Return the trials of all records in a folder; other JSON files are left out.

        Raises:
            UserError: There is no record, or one is invalid.
        """
        files = sorted(folder.glob("*.json"))
        records = [path for path in files if _holds_point(path)]
        if not records:
            raise UserError(
                f"{shown(folder)} holds neither a study nor a record: {plural(len(files), 'JSON file')}, none of them"
                " with a key space."
            )
        if len(records) < len(files):
            self.note(
                f"{plural(len(files) - len(records), 'JSON file')} of {shown(folder)} left out: no records of trials."
            )
        space, objective = self.new.space, self.new.settings.objectives[0]
        return [event for path in records for event in read_foreign(path, space, objective, self.defaults, self.heads)]


def _holds_point(path: Path) -> bool:
    """Return whether a JSON file has the key of a record's point."""
    try:
        with open_regular(path) as file:
            content = json.loads(file.read(_MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and "space" in content
