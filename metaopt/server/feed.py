"""Feed of one study: its page as parts with versions, of which a browser asks for those that changed."""

import threading
import time
from pathlib import Path
from typing import Any

from metaopt.errors import UserError
from metaopt.report.analysis.study_data import StudyData
from metaopt.report.page.document import make_document
from metaopt.report.page.html import to_json
from metaopt.report.page.trial_table import retrain_command, table_columns, table_rows
from metaopt.storage.followed_study import FollowedStudy
from metaopt.storage.study import Study
from metaopt.trials.record import Record

POLL_S = 0.5
"""Least seconds between two looks at a journal."""

PAUSE_S = 2.0
"""Least seconds between two drawings of the figures."""

PAUSE_SHARE = 4.0
"""Times that the last drawing took, after which the next one begins: the figures take a fifth of a core at most."""

_SECTION, _HEAD = "section ", "head"


class StudyFeed:
    """The page of one study, as its journal grows.

    Rows of the table are up to date at each look; the figures of a large study, which take seconds, less often. All
    methods may be called from several threads.

    Args:
        folder: folder of the study.
        slug: its name in addresses.
    """

    def __init__(self, folder: Path, slug: str):
        self.folder = folder
        self.slug = slug
        self._lock = threading.Lock()
        self._followed: FollowedStudy | None = None
        self._data: StudyData | None = None
        self._version = 0
        self._rows: dict[int, int] = {}  # trial → version in which its row changed
        self._parts: dict[str, tuple[int, str]] = {}  # name → version in which it changed, JSON
        self._order: list[str] = []
        self._error: str | None = None
        self._looked = -POLL_S
        self._is_outdated = False
        self._next_drawing = 0.0

    def version(self) -> int:
        """Look at the journal, and return the version of the page; it grows with each change."""
        with self._lock:
            self._look()
            return self._version

    def changes(self, since: int, generation: int) -> str:
        """Return what changed after a version, as JSON.

        Args:
            since: the version that the browser has; 0 for none.
            generation: the generation that it is of.

        Returns:
            ``version``, ``generation``, ``error`` (or null), ``order`` of all sections, and as far as they changed
            ``head``, ``sections``, ``failures``, ``network`` and ``table`` with its changed rows.
        """
        with self._lock:
            self._look()
            if self._followed is None:
                return to_json({"version": self._version, "generation": 0, "error": self._error})
            own = self._followed.generation
            since = since if generation == own else 0
            head = {"version": self._version, "generation": own, "error": self._error, "order": self._order}
            changed = {name: text for name, (version, text) in self._parts.items() if version > since}
            sections = [text for name, text in changed.items() if name.startswith(_SECTION)]
            others = [f'"{name}":{text}' for name, text in changed.items() if not name.startswith(_SECTION)]
            rows = {number for number, version in self._rows.items() if version > since}
            table = f'"table":{to_json(self._table(rows))}'
            return ",".join([to_json(head)[:-1], *others, f'"sections":[{",".join(sections)}]', f"{table}}}"])

    def record(self, trial: int) -> Record | None:
        """Return the record of a trial, or None."""
        with self._lock:
            self._look()
            if self._followed is None or not 0 <= trial < len(self._followed.study.state.trials):
                return None
            found = self._followed.study.state.trials[trial]
            return self._followed.study.record(found) if found.has_record else None

    def summary(self) -> tuple[Study, StudyData] | str:
        """Return the study and its data as they are now, which the caller only reads; or why it cannot be read."""
        with self._lock:
            self._look()
            if self._followed is None or self._error is not None:
                return self._error or f"There is no study in {self.folder}."
            return self._followed.study, self._known_data()

    def _look(self) -> None:
        """Read on in the journal, and draw the figures again where it is time."""
        now = time.monotonic()
        if now - self._looked < POLL_S:
            return
        self._looked = now
        try:
            self._read()
            if self._is_outdated and now >= self._next_drawing:
                self._draw()
                self._next_drawing = time.monotonic() + max(PAUSE_S, PAUSE_SHARE * (time.monotonic() - now))
        except UserError as error:
            if self._error != str(error):
                self._error = str(error)
                self._version += 1

    def _read(self) -> None:
        if self._followed is None:
            self._followed = FollowedStudy(self.folder)
            changed: set[int] | None = set(range(len(self._followed.study.state.trials)))
        else:
            generation = self._followed.generation
            changed = self._followed.refresh()
            if self._followed.generation != generation:
                self._rows, self._parts = {}, {}
        if changed is None and self._error is None:
            return
        self._error = None
        self._version += 1
        self._rows.update(dict.fromkeys(changed or (), self._version))
        self._data, self._is_outdated = None, True

    def _draw(self) -> None:
        assert self._followed is not None
        document = make_document(self._followed.study, self._known_data(), with_table=False)
        self._version += 1
        self._is_outdated = False
        sections = document.pop("sections")
        self._order = [section["name"] for section in sections]
        parts = {name: document.pop(name) for name in ("failures", "network")}
        parts |= {f"{_SECTION}{section['name']}": section for section in sections}
        for name, content in {_HEAD: document, **parts}.items():
            text = to_json(content)
            if name not in self._parts or self._parts[name][1] != text:
                self._parts[name] = self._version, text

    def _known_data(self) -> StudyData:
        assert self._followed is not None
        if self._data is None:
            self._data = StudyData.of(self._followed.study, self._followed.records)
        return self._data

    def _table(self, rows: set[int]) -> dict[str, Any]:
        assert self._followed is not None
        study, data = self._followed.study, self._known_data()
        return {
            "columns": table_columns(data),
            **table_rows(study, data, rows),
            "command": retrain_command(study, data),
            "records": "records/",
        }
