"""A study that is read again as its journal grows, while a search writes it."""

import os
import stat
from pathlib import Path

from metaopt.errors import UserError
from metaopt.files.regular_file import open_regular
from metaopt.storage.journal import Scan
from metaopt.storage.state import StudyState
from metaopt.storage.study import JOURNAL, Study
from metaopt.terminal.commands import shown
from metaopt.trials.record import Record

_LONGEST_HEADER = 2**16  # bytes that tell two studies apart


class FollowedStudy:
    """A study whose journal is read on from where it ended.

    Attributes:
        study: the study as it was at the last refresh.
        generation: number of the journal: it grows where the file was replaced or emptied, as by another study.
    """

    def __init__(self, folder: Path):
        """Read the study.

        Raises:
            UserError: There is no study in the folder, or it cannot be read.
        """
        self.folder = folder
        self.generation = 0
        self._begin()

    @property
    def records(self) -> list[Record]:
        """The records of ``Study.records``; those of trials that have not changed are kept."""
        return [self._records[number] for number in sorted(self._records)]

    def refresh(self) -> set[int] | None:
        """Read what was appended to the journal.

        Returns:
            Numbers of the trials that changed; None where nothing was appended.

        Raises:
            UserError: The study is gone, or it cannot be read.
        """
        identity, size = self._look()
        # A search that replaces a study without trained trials cuts the file and writes on.
        if identity != self._identity or size < self._scan.size or self._read_header() != self._header:
            self.generation += 1
            self._begin()
            return set(range(len(self.study.state.trials)))
        before = self._scan.events
        self.study.state.read(self._scan)
        return None if self._scan.events == before else self._take_in()

    def _begin(self) -> None:
        self._identity, _ = self._look()
        self._header = self._read_header()
        self._scan = Scan(self.folder / JOURNAL)
        state = StudyState.replay(self._scan)
        if not state.header:
            raise UserError(f"There is no study in {shown(self.folder)}.")
        self.study = Study(self.folder, state)
        self._records: dict[int, Record] = {}
        self._n_changes, self._judge = 0, state.judge
        self._epochs: dict[int, int] = {}
        self._take_in()

    def _look(self) -> tuple[tuple[int, int], int]:
        """Return what identifies the journal's file, and its bytes.

        Raises:
            UserError: There is none, or it is a link, which may lead out of the study.
        """
        path = self.folder / JOURNAL
        try:
            found = os.lstat(path)
        except OSError as error:
            raise UserError(f"{shown(path)} cannot be read ({error.strerror}).") from error
        if stat.S_ISLNK(found.st_mode):
            raise UserError(f"{shown(path)} is a link: only files within a study are read.")
        return (found.st_dev, found.st_ino), found.st_size

    def _read_header(self) -> bytes:
        """Return the first line of the journal, or its beginning; it has the study's number.

        Raises:
            UserError: It cannot be read.
        """
        path = self.folder / JOURNAL
        try:
            with open_regular(path) as file:
                return file.readline(_LONGEST_HEADER)
        except OSError as error:
            raise UserError(f"{shown(path)} cannot be read ({error.strerror}).") from error

    def _take_in(self) -> set[int]:
        """Make the records of the trials that changed, and return their numbers."""
        state = self.study.state
        changed = set(state.changes[self._n_changes :]) | self._trained()
        if state.judge is not self._judge:  # a run with other constraints judged every trial again
            changed |= set(range(len(state.trials)))
        self._n_changes, self._judge = len(state.changes), state.judge
        for number in changed:
            trial = state.trials[number]
            if trial.has_record:
                self._records[number] = self.study.record(trial)
        return changed

    def _trained(self) -> set[int]:
        """Return the running trials that were trained since."""
        now = {trial.number: trial.epochs for trial in self.study.state.running}
        trained = {number for number, epochs in now.items() if self._epochs.get(number) != epochs}
        self._epochs = now
        return trained
