"""Study writer: holds the lock, checks the fingerprint, appends to the journal and updates the derived files."""

import itertools
import math
import os
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import filelock

import metaopt
from metaopt.atomic_files import cannot_write
from metaopt.commands import absolute, command, shown
from metaopt.errors import ResultsNotWritable, StudyMismatch, UserError
from metaopt.quantities import plural
from metaopt.spaces import Space
from metaopt.storage.deletion import holds_study
from metaopt.storage.files import Files
from metaopt.storage.importing import document_event
from metaopt.storage.journal import Event, Journal, Scan
from metaopt.storage.locking import Locked, lock_folder
from metaopt.storage.record_files import RecordFolder, is_ahead, record_files
from metaopt.storage.results_pickle import UnreadablePickle, read_documents, write_trials
from metaopt.storage.state import SCHEMA, StudyState
from metaopt.storage.study import JOURNAL, Study, lost_journal, pickle_path
from metaopt.storage.study_header import write_header
from metaopt.trials.record import Record
from metaopt.trials.trial import Trial

PICKLE_EVERY_S = 5.0
PICKLE_EVERY_DURATIONS = 50

# Names of the parts of a fingerprint, for the message where one differs.
_PARTS = {
    "space": "search space",
    "network": "network",
    "data": "data set",
    "objective": "objective",
    "folds": "number of folds",
    "function": "function train, whose code or captured values differ",
    "budget": "budget (epochs, min_epochs, eta, rule, budget_unit, or a strategy with rungs or without)",
}


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
        self._is_same_function = is_same_function
        self._function: str | None = header["fingerprint"].get("function")
        folder = absolute(folder)
        self._lock = _lock(folder)
        self._journal: Journal | None = None
        try:
            _refuse_lost_journal(folder)
            self._replaced = ""  # id of a study without trained trials that this one takes the place of
            self._open_journal(folder)
            if self.header and not self.state.has_begun and self._differs(header):
                self._replaced = self.header["id"]
                self.journal.clear()
                self.state = StudyState()
                note(f"{shown(folder)} holds another study, none of whose trials was trained, and is replaced.")
            self._started = clock() - self.state.clock
            if self.header.get("rebuilt"):
                self._complete(header)
            elif self.header:
                self._compare(header)
            else:
                self.append(
                    {
                        "event": "study",
                        "schema": SCHEMA,
                        "version": metaopt.__version__,
                        "id": uuid.uuid4().hex,
                        **header,
                    }
                )
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
        self._take_in_foreign_trials()
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
            raise _locked(folder) from None
        scan = self._journal.scan
        super().__init__(folder, StudyState.replay(scan))
        _refuse_older_journal(folder, self.state)
        self._journal.begin()
        if scan.torn:
            self.note(
                f"The journal ended in an incomplete line of {plural(scan.torn, 'byte')} ({scan.torn_event}), which a"
                " crash left behind. It was removed."
            )

    def _complete(self, header: Mapping[str, Any]) -> None:
        """Add what the header of a journal that was rebuilt from records alone lacks.

        Raises:
            StudyMismatch: The records are of another space, objective or seed.
        """
        labels = {label for trial in self.state.trials for label in trial.vals}
        same = [self.header[name] == header.get(name, self.header[name]) for name in ("objective", "seed")]
        if not all(same) or not labels <= set(self.space.labels):
            raise StudyMismatch(
                f"The journal of {shown(self.folder)} was rebuilt from records, which are of another search space,"
                " objective or seed: start the search that trained them."
            )
        kept = {name: value for name, value in self.header.items() if name not in ("rebuilt", "event", "clock")}
        self.append({"event": "study", **kept, **header})

    def _release(self) -> None:
        """Close the journal and release the lock of the folder."""
        if self._journal is not None:
            self._journal.close()
        self._lock.release()

    def _differing(self, header: Mapping[str, Any]) -> list[str]:
        """Return the parts of the fingerprint in which this study differs from a header."""
        known, fingerprint = self.header["fingerprint"], header["fingerprint"]
        differing = [name for name in {**known, **fingerprint} if known.get(name) != fingerprint.get(name)]
        if "network" in differing and self.holds_network(fingerprint["network"]):
            differing.remove("network")
        if "space" in differing and self.holds_space(self.space):
            differing.remove("space")
        if "function" in differing:
            differing.remove("function")
        # That of the latest run, which the user may have said to be the same; earlier versions stored none.
        functions = {self._function, self.state.function} - {None}
        if len(functions) > 1 and not self._is_same_function:
            differing.append("function")
        return differing

    def _differs(self, header: Mapping[str, Any]) -> bool:
        """Return whether this study is another one than that of a header."""
        return bool(self._differing(header)) or self.header.get("seed") != header.get("seed")

    def _compare(self, header: Mapping[str, Any]) -> None:
        if differing := self._differing(header):
            parts = " and ".join(_PARTS.get(name, name) for name in differing)
            raise StudyMismatch(
                f"{shown(self.folder)} holds a study of another {parts}: choose another results folder, or remove this"
                f" study with `{command('delete', self.folder)}`.{_same(differing)}"
            )
        seeds = self.header.get("seed"), header.get("seed")
        if seeds[0] != seeds[1] and None not in seeds:
            raise StudyMismatch(
                f"{shown(self.folder)} holds a study of seed {seeds[0]}, not {seeds[1]}: use that seed, or choose"
                " another results folder."
            )

    def _take_in_foreign_trials(self) -> None:
        """Import trials that plain hyperopt added to results.pkl; keep an unusable file under another name."""
        path = pickle_path(self.folder)
        if not path.exists():
            return
        try:
            documents = read_documents(path)
        except UnreadablePickle as error:
            self._keep_aside(path, str(error))
            return
        if {document.study for document in documents} - {self.header["id"], self._replaced, None}:
            self._keep_aside(path, f"{shown(path)} belongs to another study.")
            return
        known = {trial.info.get("source") for trial in self.state.trials}
        taken = 0
        for document in documents:
            source = f"{path.name}, tid {document.tid}"
            if not document.is_foreign or source in known:
                continue
            known.add(source)
            try:
                event = document_event(document, source, self.space, {})
            except UserError as error:
                self.note(f"A trial that is not of this space was skipped: {error}")
                continue
            self.append({"event": "imported", **event})
            taken += 1
        if taken:
            were = "was" if taken == 1 else "were"
            self.note(f"{plural(taken, 'trial')} that plain hyperopt added to {shown(path)} {were} imported.")

    def _keep_aside(self, path: Path, reason: str) -> None:
        names = (f"{path.name}.old{number or ''}" for number in itertools.count())
        aside = next(each for each in map(path.with_name, names) if not os.path.lexists(each))
        self._files.rename(path, aside)
        self.note(f"{reason} It was renamed to {aside.name}, and a new {path.name} is written from the journal.")


def _same(differing: list[str]) -> str:
    """Return the way out where only the function differs."""
    if differing != ["function"]:
        return ""
    return " If its losses still compare with those of the study, pass same_function=True."


def _lock(folder: Path) -> filelock.BaseFileLock:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return lock_folder(folder)
    except Locked:
        raise _locked(folder) from None
    except OSError as error:
        raise cannot_write(folder, error) from error


def _locked(folder: Path) -> UserError:
    return UserError(
        f"Another search is running on {shown(folder)}: wait for it, stop it, or choose another results folder."
    )


def _refuse_lost_journal(folder: Path) -> None:
    """Refuse a folder with results of a search whose journal is gone; a new search would overwrite them.

    Raises:
        UserError: There are records or a pickle, but not even the first line of a journal.
    """
    if next(iter(Scan(folder / JOURNAL)), None) is not None:
        return
    if record_files(folder):
        raise lost_journal(folder)
    found = pickle_path(folder)
    if found.exists():
        advice = f", or remove the study with `{command('delete', folder)}`" if holds_study(folder) else ""
        raise UserError(
            f"{shown(found)} exists, but its journal {shown(folder / JOURNAL)} does not: move it away"
            f"{advice}. Nothing was changed."
        )


def _refuse_older_journal(folder: Path, state: StudyState) -> None:
    """Refuse a journal that lacks trials of which there are records: it was cut, or is an older copy.

    A record is written after the event that ends or pauses its trial was synced. Opening the study would remove it.

    Raises:
        UserError: There is such a record.
    """
    for number, path in record_files(folder):
        trial = state.trials[number] if number < len(state.trials) else None
        if is_ahead(path, number, trial):
            known = "does not know the trial" if trial is None else f"knows the trial only as {trial.status}"
            raise UserError(
                f"{shown(path)} is the record of a trial that came to rest, but the journal {shown(folder / JOURNAL)}"
                f" {known}: lines"
                f" at its end are missing. Restore it from a backup, or rebuild it with `{command('repair', folder)}`."
                " Nothing was changed."
            )
