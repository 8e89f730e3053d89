"""Repair of a study whose journal is damaged, cut or lost: a new one from its undamaged lines and the records.

Lines after damage are used too: each has a number and a checksum.
"""

import json
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import metaopt
from metaopt.errors import UserError
from metaopt.files.atomic_files import cannot_write
from metaopt.storage.files import Files
from metaopt.storage.journal import DamagedJournal, Event, Scan
from metaopt.storage.journal_lines import decode, encode
from metaopt.storage.locking import exclusive
from metaopt.storage.merging import Merger, is_record_ahead
from metaopt.storage.record_files import record_files
from metaopt.storage.results_pickle import UnreadablePickle, read_documents
from metaopt.storage.salvage import Stretch, salvage
from metaopt.storage.state import MISFITS, StudyState
from metaopt.storage.study import JOURNAL, pickle_path
from metaopt.storage.study_header import read_header
from metaopt.storage.versions import SCHEMA
from metaopt.terminal.commands import absolute, shown
from metaopt.trials.record import Record
from metaopt.trials.trial import Trial


@dataclass(frozen=True)
class Repair:
    """Outcome of a repair.

    Attributes:
        journal: the new journal.
        aside: the file that the old one was renamed to, or None if there was none.
        kept: number of events taken over from the old journal.
        rebuilt: trials that were rebuilt from their records, or completed from them.
        lost: trials of which nothing is known any more; their numbers stay used.
        dropped: trial, or None for other events → number of undamaged events that do not follow on those before them.
        partial_folds: rebuilt trials whose metrics of each fold are known at their best epoch only, as records hold.
        skipped: records that cannot be read, with the reason.
        has_header: whether space, network and data of the study are known; otherwise its next search tells them.
    """

    journal: Path
    aside: Path | None
    kept: int
    rebuilt: tuple[int, ...]
    lost: tuple[int, ...]
    dropped: Mapping[int | None, int]
    partial_folds: tuple[int, ...]
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
        records, skipped = _read_records(folder)
        if _is_sound(path, records):
            return None
        stretches = salvage(path)
        header = _first_events(folder, records) if not _has_header(stretches) else []
        if not (stretches or records) or not (header or _has_header(stretches)):
            raise UserError(
                f"Nothing can be rebuilt: {shown(path)} has no undamaged line and no record beside it can be read."
            )
        merger = Merger(stretches, {record.trial: record for record in records})
        merger.merge(header)
        aside = _replace(path, merger.events, files or Files())
    folds = [record.trial for record in records if record.replicates and record.trial in merger.rebuilt]
    return Repair(
        journal=path,
        aside=aside,
        kept=merger.kept,
        rebuilt=tuple(sorted(merger.rebuilt)),
        lost=tuple(sorted(merger.lost)),
        dropped=dict(merger.dropped),
        partial_folds=tuple(number for number in folds if _lacks_folds(merger.state.trials[number])),
        skipped=tuple(skipped),
        has_header=not merger.state.header.get("rebuilt"),
    )


def _is_sound(path: Path, records: Sequence[Record]) -> bool:
    """Return whether a journal can be replayed and is not behind the records.

    Raises:
        NewerStudy: A later version wrote it.
    """
    try:
        state = StudyState.replay(Scan(path))
    except DamagedJournal:
        return False
    trials = state.trials
    return bool(state.header) and not any(
        record.trial >= len(trials) or is_record_ahead(record, trials[record.trial]) for record in records
    )


def _has_header(stretches: Sequence[Stretch]) -> bool:
    return bool(stretches) and stretches[0].events[0]["event"] == "study"


def _lacks_folds(trial: Trial) -> bool:
    return not all(all(folds) for folds in trial.replicates)


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
            _check(replace(record, trial=0))
        except (OSError, RecursionError, *MISFITS) as error:
            skipped.append((path, str(error) or type(error).__name__))
            continue
        other = found.get(number)
        # A crash may leave an older record of the trial under another name.
        if other is None or (len(record.results), record.epochs) >= (len(other.results), other.epochs):
            found[number] = record
    return [found[number] for number in sorted(found)], skipped


def _first_events(folder: Path, records: Sequence[Record]) -> list[Event]:
    """Return the header and the settings of the study, from their copy or as far as the records tell."""
    header, settings = read_header(folder)
    if header:
        return [header, {"event": "run", "settings": settings}] if settings else [header]
    return _rebuilt_header(records, _id_of_pickle(pickle_path(folder))) if records else []


def _rebuilt_header(records: Sequence[Record], study: str) -> list[Event]:
    """Return a header as far as records tell it; the next search adds what is missing."""
    return [
        {
            "event": "study",
            "schema": SCHEMA,
            "version": metaopt.__version__,
            "id": study,
            "labels": sorted({label for record in records for label in record.vals}),
            "rebuilt": True,
            "fingerprint": {"space": "", "network": "", "data": ""},
            "objective": records[0].objective,
            **({"objectives": list(records[0].objectives)} if records[0].objectives else {}),
            "seed": records[0].seed,
            "problem": {"name": "", "path": "", "source": ""},
            "data": {},
        }
    ]


def _id_of_pickle(path: Path) -> str:
    """Return the id of the study that results.pkl is of, or a new one."""
    try:
        ids = {document.study for document in read_documents(path)} - {None} if path.is_file() else set()
    except UnreadablePickle:
        ids = set()
    found = ids.pop() if len(ids) == 1 else None
    return found or uuid.uuid4().hex


def _check(record: Record) -> None:
    """Check that the trial of a record can be rebuilt.

    Raises:
        ValueError: It cannot; or another of ``MISFITS``.
    """
    merger = Merger([], {0: record})
    merger.merge(_rebuilt_header([record], "a probe"))
    trial = merger.state.trials[0]
    if trial.epochs != record.epochs or (trial.status == "fail") != (record.status == "fail"):
        raise ValueError("it contradicts itself")


def _replace(path: Path, events: Sequence[Event], files: Files) -> Path | None:
    """Write the new journal in place of the old one, after a copy of that, so that there is always one of the two."""
    lines = [encode({"seq": number, "group": number, **event}) for number, event in enumerate(events)]
    state = StudyState()
    for line in lines:
        event = decode(line)
        assert event is not None
        state.apply(event, is_replay=True)
    aside = None
    if path.exists():
        old = path.read_bytes()
        names = (path.with_name(f"{JOURNAL}.damaged{number}") for number in ("", *(f".{n}" for n in range(2, 10_000))))
        aside = next(name for name in names if not os.path.lexists(name) or _holds(name, old))
        if not os.path.lexists(aside):
            files.replace(aside, old)
    files.replace(path, b"".join(lines))
    return aside


def _holds(path: Path, content: bytes) -> bool:
    """Return whether a file has a content, as the copy of a repair that was interrupted."""
    return path.is_file() and path.stat().st_size == len(content) and path.read_bytes() == content


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a study while it is repaired.

    Raises:
        UserError: A search holds it.
        ResultsNotWritable: The folder cannot be written.
    """
    try:
        with exclusive(folder, folder / JOURNAL, "changed"):
            yield
    except OSError as error:
        raise cannot_write(folder, error) from error
