"""Study writer: holds the lock, appends to the journal and updates the derived files."""

import math
import os
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import metaopt
from metaopt.errors import ResultsNotWritable
from metaopt.quantities import plural
from metaopt.spaces import Space
from metaopt.storage.comparison import completed_header, differs, require_same
from metaopt.storage.files import Files
from metaopt.storage.foreign_trials import foreign_events, imported_note
from metaopt.storage.journal import Event, Journal
from metaopt.storage.leftovers import remove_leftovers
from metaopt.storage.locking import Locked
from metaopt.storage.opening import lock_study, locked, refuse_lost_journal, refuse_older_journal
from metaopt.storage.record_files import RecordFolder
from metaopt.storage.results_pickle import write_trials
from metaopt.storage.state import StudyState
from metaopt.storage.study import JOURNAL, Study, pickle_path
from metaopt.storage.study_header import write_header
from metaopt.storage.versions import SCHEMA
from metaopt.terminal.commands import absolute, shown
from metaopt.trials.record import Record
from metaopt.trials.trial import Trial

PICKLE_EVERY_S = 5.0
PICKLE_EVERY_DURATIONS = 50


class StudyWriter(Study):
    """A study that is open for writing; only one can be at a time.

    Use as a context manager, so that the lock is released and results.pkl is up to date, whatever happens.
    """

    def __init__(
        self,
        folder: Path,
        space: Space,
        header: Mapping[str, Any],
        *,
        note: Callable[[str], None],
        files: Files | None = None,
        clock: Callable[[], float] = time.monotonic,
        is_same_function: bool = False,
    ):
        """Open a study, or create it.

        Args:
            folder: folder of the study; created where it is missing.
            space: the compiled space.
            header: identity of the study: ``fingerprint`` (part → digest), ``objective``, ``seed`` and further facts
                to keep. The fingerprint and the seed of an existing study are compared.
            note: called with messages for the user.
            files: the file operations.
            clock: seconds, steadily growing; the time in the journal.
            is_same_function: the user says that the Python function is the study's own, whatever its code.

        Raises:
            UserError: The study is locked by another search, damaged, or its journal is gone.
            StudyMismatch: The folder holds another study, with trials.
            ResultsNotWritable: The folder cannot be written.
        """
        self.space = space
        self.note = note
        self._files = files or Files()
        self._clock = clock
        self._function: str | None = header["fingerprint"].get("function")
        folder = absolute(folder)
        self._lock = lock_study(folder)
        self._journal: Journal | None = None
        try:
            refuse_lost_journal(folder)
            self._replaced = ""  # id of a study without trained trials that this one takes the place of
            self._open_journal(folder)
            if self.header and not self.state.has_begun:
                self._replace_if_other(header, is_same_function)
            self._started = clock() - self.state.clock
            if self.header.get("rebuilt"):
                self.append(completed_header(self, header, space))
            elif self.header:
                require_same(self, header, space, is_same_function=is_same_function)
            else:
                new = {"event": "study", "schema": SCHEMA, "version": metaopt.__version__, "id": uuid.uuid4().hex}
                self.append({**new, **header})
            remove_leftovers(folder)
            self._record_folder = RecordFolder(folder, self._files)
        except BaseException:  # the context is not entered, so nothing else would release the locks
            self._release()
            raise
        self._pickled = -math.inf
        self._pickle_took_s = 0.0
        self._pickle_is_stale = False

    @property
    def clock(self) -> float:
        """Seconds of search so far, summed over restarts."""
        return self._clock() - self._started

    def begin(self, settings: Mapping[str, Any], environment: Mapping[str, Any] | None = None) -> None:
        """Start a run, and update the derived files from the journal.

        Args:
            settings: settings of the run.
            environment: software and threads that train in it; None where nothing is trained with Keras.
        """
        self._import_foreign_trials()
        self.append(
            {
                "event": "run",
                "settings": dict(settings),
                **({} if environment is None else {"environment": dict(environment)}),
                **({} if self._function is None else {"function": self._function}),
                "version": metaopt.__version__,
                "pid": os.getpid(),
                "at": time.time(),
            }
        )
        write_header(self.folder, self.header, settings, self._files)
        self._record_folder.restore(self.records)
        self.write_pickle()

    def append(self, *events: Event) -> None:
        """Append events; they are on disk, and applied, when this returns."""
        now = round(self.clock, 3)
        stamped = [{**event, "clock": now} for event in events]
        for event in self.journal.append(stamped):  # as it will be read, so that a restart has the same state
            self.state.apply(event)

    def write_record(self, trial: Trial) -> Record:
        """Write the record of a trial, and results.pkl every few seconds."""
        record = self.record(trial)
        self.journal.require_intact()
        self._record_folder.write(record)
        self._pickle_is_stale = True
        # Its duration grows with the study: it is to take a small part of the time only.
        if time.monotonic() - self._pickled >= max(PICKLE_EVERY_S, PICKLE_EVERY_DURATIONS * self._pickle_took_s):
            self.write_pickle()
        return record

    def write_pickle(self) -> None:
        """Write results.pkl."""
        self.journal.require_intact()
        began = time.monotonic()  # a simulated clock passes years in a second
        write_trials(pickle_path(self.folder), self.trials, self._files)
        self._pickled = time.monotonic()
        self._pickle_took_s = self._pickled - began
        self._pickle_is_stale = False

    def finish(self, reason: str) -> None:
        """Journal that the goal is reached, as the last event of a run; the next run then sets a new goal."""
        self.write_pickle()
        self.append({"event": "done", "reason": reason})

    def import_trial(self, trial: Mapping[str, Any]) -> None:
        """Import a trial that was trained elsewhere.

        Args:
            trial: ``vals``, ``point``, ``status``, ``epochs``, ``metrics`` (per epoch), ``result``, and ``source``,
                the file that it comes from.
        """
        self.append({"event": "imported", **trial})
        self.write_record(self.state.trials[-1])

    def __enter__(self) -> "StudyWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            # After a failed write, another one would only hide its message.
            if self._pickle_is_stale and not isinstance(error, ResultsNotWritable):
                self.write_pickle()
        finally:
            self._release()

    @property
    def journal(self) -> Journal:
        """The journal, open for writing."""
        assert self._journal is not None
        return self._journal

    def _open_journal(self, folder: Path) -> None:
        """Lock and replay the journal, and remove the incomplete end that a crash left behind.

        Raises:
            UserError: Another search has it open, it is damaged, or records beside it are of trials that it lacks.
        """
        try:
            self._journal = Journal(folder / JOURNAL, self._files)
        except Locked:
            raise locked(folder) from None
        scan = self._journal.scan
        super().__init__(folder, StudyState.replay(scan))
        refuse_older_journal(folder, self.state)
        self._journal.begin()
        if scan.torn:
            self.note(
                f"The journal ended in an incomplete line of {plural(scan.torn, 'byte')} ({scan.torn_event}), which a"
                " crash left behind. It was removed."
            )

    def _replace_if_other(self, header: Mapping[str, Any], is_same_function: bool) -> None:
        """Clear the journal of a study without trained trials if it is another one than that of a header."""
        if not differs(self, header, self.space, is_same_function=is_same_function):
            return
        self._replaced = self.header["id"]
        self.journal.clear()
        self.state = StudyState()
        self.note(f"{shown(self.folder)} holds another study, none of whose trials was trained, and is replaced.")

    def _import_foreign_trials(self) -> None:
        """Import trials that plain hyperopt added to results.pkl."""
        path, ids = pickle_path(self.folder), {self.header["id"], self._replaced}
        events = foreign_events(path, self.state.trials, ids, self.space, self._files, self.note)
        for event in events:
            self.append(event)
        if events:
            self.note(imported_note(path, len(events)))

    def _release(self) -> None:
        """Close the journal and release the lock of the folder."""
        if self._journal is not None:
            self._journal.close()
        self._lock.release()
