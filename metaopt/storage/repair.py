"""Repair of a study whose journal is damaged, cut or lost: a new one from its undamaged lines and the records."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import metaopt
from metaopt.atomic_files import cannot_write
from metaopt.commands import absolute, shown
from metaopt.errors import UserError
from metaopt.storage.event_fields import check_fields
from metaopt.storage.files import Files
from metaopt.storage.journal import DamagedJournal, Event, Scan
from metaopt.storage.journal_lines import encode
from metaopt.storage.locking import Locked, lock_folder, require_unlocked
from metaopt.storage.rebuilding import rebuilt_events
from metaopt.storage.record_files import record_files
from metaopt.storage.results_pickle import UnreadablePickle, read_documents
from metaopt.storage.state import MISFITS, StudyState
from metaopt.storage.study import JOURNAL, pickle_path
from metaopt.storage.study_header import read_header
from metaopt.storage.versions import SCHEMA, NewerStudy
from metaopt.trials.record import Record


@dataclass(frozen=True)
class Repair:
    """Outcome of a repair.

    Attributes:
        journal: the new journal.
        aside: the file that the old one was renamed to, or None if there was none.
        kept: number of events taken over from the old journal.
        rebuilt: trials that were rebuilt from their records.
        skipped: records that cannot be read, with the reason.
        has_header: whether space, network and data of the study are known; otherwise its next search tells them.
    """

    journal: Path
    aside: Path | None
    kept: int
    rebuilt: tuple[int, ...]
    skipped: tuple[tuple[Path, str], ...]
    has_header: bool


def repair(folder: Path, files: Files | None = None) -> Repair | None:
    """Write a new journal if the one of a study is damaged, cut or lost; the old one is kept under another name.

    Returns:
        What was done, or None if the journal is sound and has every trial of which there is a record.

    Raises:
        UserError: There is no study, a search is running on it, or a later version wrote it.
        ResultsNotWritable: The folder cannot be written.
    """
    folder = absolute(folder)
    path = folder / JOURNAL
    if not folder.is_dir() or not (path.exists() or record_files(folder)):
        raise UserError(f"There is no study in {shown(folder)}: it has neither a journal nor records.")
    with _locked(folder):
        events, is_sound = _sound_events(path)
        state = StudyState(events)
        records, skipped = _read_records(folder)
        missing = [record for record in records if _is_missing(record, state)]
        if is_sound and state.header and not missing:
            return None
        if not (events or missing):
            raise UserError(
                f"Nothing can be rebuilt: {shown(path)} has no undamaged line and no record beside it can be read."
            )
        kept = len(events)
        if not events:
            events = _first_events(folder, missing)
            state = StudyState(events)
        events += rebuilt_events(missing, state.trials)
        _check(events, missing)
        aside = _replace(path, events, files or Files())
    has_header = not state.header.get("rebuilt")
    return Repair(path, aside, kept, tuple(record.trial for record in missing), tuple(skipped), has_header)


def _sound_events(path: Path) -> tuple[list[Event], bool]:
    """Return the events before the first damaged line, and whether there is none.

    Raises:
        NewerStudy: A later version wrote them.
    """
    events: list[Event] = []
    state = StudyState()
    try:
        for event in Scan(path):
            state.apply(event, is_replay=True)
            events.append(event)
    except NewerStudy:
        raise
    except (DamagedJournal, *MISFITS):
        return events, False
    return events, True


def _read_records(folder: Path) -> tuple[list[Record], list[tuple[Path, str]]]:
    """Return the records by trial, and the files that hold none with the reason."""
    found: dict[int, Record] = {}
    skipped = []
    for number, path in record_files(folder):
        try:
            content = json.loads(path.read_bytes())
            record = Record.from_json(content)
            if record.trial != number or not isinstance(record.vals, dict):
                raise ValueError("it is of another trial")
            if not set(range(1, record.epochs + 1)) >= {result.epochs for result in record.results} - {0}:
                raise ValueError("its epochs contradict each other")
            if any(len(column) != record.epochs for column in record.history.values()):
                raise ValueError("its history is not as long as its epochs")
            alone = replace(record, trial=0)
            _check(_first_events(folder, [alone], is_probe=True) + rebuilt_events([alone], []), [alone])
        except (OSError, RecursionError, *MISFITS) as error:
            skipped.append((path, str(error) or type(error).__name__))
            continue
        other = found.get(number)
        # A crash may leave an older record of the trial under another name.
        if other is None or (len(record.results), record.epochs) >= (len(other.results), other.epochs):
            found[number] = record
    return [found[number] for number in sorted(found)], skipped


def _is_missing(record: Record, state: StudyState) -> bool:
    """Return whether the journal lacks a trial that has a record, or the end of its training."""
    if record.trial >= len(state.trials):
        return True
    trial = state.trials[record.trial]
    if trial.status not in ("running", "paused"):
        return False
    has_ended = not record.paused and (trial.status == "paused" or not trial.results or record.status == "fail")
    return has_ended or len(record.results) > len(trial.results)


def _first_events(folder: Path, records: list[Record], *, is_probe: bool = False) -> list[Event]:
    """Return the header and the settings of the study, from their copy or as far as the records tell."""
    header, settings = ({}, {}) if is_probe else read_header(folder)
    if not header:
        header = {
            "event": "study",
            "schema": SCHEMA,
            "version": metaopt.__version__,
            "id": _id_of_pickle(pickle_path(folder)),
            "labels": sorted({label for record in records for label in record.vals}),
            "rebuilt": True,  # the next search adds what is missing
            "fingerprint": {"space": "", "network": "", "data": ""},
            "objective": records[0].objective,
            "seed": records[0].seed,
            "problem": {"name": "", "path": "", "source": ""},
            "data": {},
        }
    return [header, *([{"event": "run", "settings": settings}] if settings else [])]


def _id_of_pickle(path: Path) -> str:
    """Return the id of the study that results.pkl is of, or a new one."""
    try:
        ids = {document.study for document in read_documents(path)} - {None} if path.is_file() else set()
    except UnreadablePickle:
        ids = set()
    found = ids.pop() if len(ids) == 1 else None
    return found or uuid.uuid4().hex


def _check(events: list[Event], records: list[Record]) -> None:
    """Check that events can be replayed, and give the trials of the records.

    Raises:
        ValueError: They do not.
    """
    state = StudyState()
    for event in events:
        check_fields(event, has_header=bool(state.header))
        state.apply(event)
    for record in records:
        if record.trial >= len(state.trials):
            raise ValueError("its trial is missing")
        trial = state.trials[record.trial]
        if trial.epochs != record.epochs or (trial.status == "fail") != (record.status == "fail"):
            raise ValueError("it contradicts itself")


def _replace(path: Path, events: list[Event], files: Files) -> Path | None:
    """Write the new journal, and keep the old one under another name."""
    lines = (encode({"seq": number, "group": number, **event}) for number, event in enumerate(events))
    new = path.with_name("journal.repaired")
    files.replace(new, b"".join(lines))
    aside = None
    if path.exists():
        names = (path.with_name(f"{JOURNAL}.damaged{number}") for number in ("", *(f".{n}" for n in range(2, 10_000))))
        aside = next(name for name in names if not name.exists())
        files.rename(path, aside)
    files.rename(new, path)
    return aside


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a study.

    Raises:
        UserError: A search holds it.
    """
    try:
        lock = lock_folder(folder)
    except Locked:
        raise UserError(f"A search is running on {shown(folder)}: stop it first. Nothing was changed.") from None
    try:
        require_unlocked(folder / JOURNAL)
        yield
    except Locked:
        raise UserError(f"A search is running on {shown(folder)}: stop it first. Nothing was changed.") from None
    except OSError as error:
        raise cannot_write(folder, error) from error
    finally:
        lock.release()
