"""Record files: one JSON file per trial, named so that sorting the names puts the best last."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from metaopt.storage.files import Files
from metaopt.trials.record import Record, objective_of
from metaopt.trials.trial import Trial
from metaopt.values.json_values import dump_json

_NAME = re.compile(r"(?:(?:model|infeasible|imported)_\d\.\d{10}|failed)_(\d{6,})\.json")


def file_name(record: Record) -> str:
    """Return the file name of a record: ``model_<score>_<trial>.json``, or another prefix for other outcomes."""
    trial = f"{record.trial:06d}.json"
    if record.status == "fail" or record.loss is None:
        return f"failed_{trial}"
    score = f"{objective_of(record).score(record.loss):.10f}"
    if record.imported:
        return f"imported_{score}_{trial}"
    return f"{'model' if record.is_feasible else 'infeasible'}_{score}_{trial}"


class RecordFolder:
    """Record files in a study's folder; each is replaced as a whole, and a trial never has two for long."""

    def __init__(self, folder: Path, files: Files):
        self._folder = folder
        self._files = files
        self._names = {trial: path.name for trial, path in record_files(folder)}

    def write(self, record: Record) -> None:
        """Write a record and remove the file that the trial had under another name."""
        name, old = file_name(record), self._names.get(record.trial)
        data = dump_json(record.to_json(), indent=1) + b"\n"
        path = self._folder / name
        if old != name or path.read_bytes() != data:
            self._files.replace(path, data)
        if old is not None and old != name:
            self._files.remove(self._folder / old)
        self._names[record.trial] = name

    def restore(self, records: Sequence[Record]) -> None:
        """Make the folder agree with the journal, after a crash or under other constraints."""
        trials = {record.trial for record in records}
        for trial, path in record_files(self._folder):
            if trial not in trials or self._names[trial] != path.name:
                self._files.remove(path)
        self._names = {trial: name for trial, name in self._names.items() if trial in trials}
        for record in records:
            self.write(record)


def record_files(folder: Path) -> list[tuple[int, Path]]:
    """Return (trial, path) of every record in a folder; files of similar names are a user's own."""
    matches = ((_NAME.fullmatch(path.name), path) for path in sorted(folder.glob("*.json")))
    return [(int(match[1]), path) for match, path in matches if match]


def is_record_name(name: str) -> bool:
    """Return whether a file of this name is a record."""
    return bool(_NAME.fullmatch(name))


def is_record(path: Path, trial: int) -> bool:
    """Return whether a file holds a record of a trial, as far as its first keys tell."""
    return bool(_content(path, trial))


def is_ahead(path: Path, number: int, trial: Trial | None) -> bool:
    """Return whether a record is of a later state of its trial than a journal has.

    Args:
        path: the file.
        number: number of the trial.
        trial: the trial as the journal has it, or None where it does not know the trial.
    """
    if trial is not None and trial.status not in ("running", "paused"):
        return False
    content = _content(path, number)
    if not content or trial is None:
        return bool(content)
    visits = content.get("visits")
    has_ended = content.get("paused") is False and (trial.status == "paused" or not trial.results)
    return has_ended or (isinstance(visits, list) and len(visits) > len(trial.results))


def _content(path: Path, trial: int) -> dict[str, Any]:
    """Return the content of a record, or an empty dict for a file that is not the record of that trial."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    is_sound = isinstance(content, dict) and content.get("trial") == trial and "space" in content
    return content if is_sound else {}
