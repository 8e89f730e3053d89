"""Checks before a study is opened for writing: its lock, and a journal that fits the folder."""

from pathlib import Path

import filelock

from metaopt.errors import UserError
from metaopt.files.atomic_files import cannot_write
from metaopt.storage.deletion import holds_study
from metaopt.storage.journal import Scan
from metaopt.storage.locking import Locked, lock_folder
from metaopt.storage.record_files import is_ahead, record_files
from metaopt.storage.state import StudyState
from metaopt.storage.study import JOURNAL, lost_journal, pickle_path
from metaopt.terminal.commands import command, shown


def lock_study(folder: Path) -> filelock.BaseFileLock:
    """Lock the folder of a study; create it where it is missing.

    Raises:
        UserError: Another search has it.
        ResultsNotWritable: The folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return lock_folder(folder)
    except Locked:
        raise locked(folder) from None
    except OSError as error:
        raise cannot_write(folder, error) from error


def locked(folder: Path) -> UserError:
    """Return the error for a study that another search has open."""
    return UserError(
        f"Another search is running on {shown(folder)}: wait for it, stop it, or choose another results folder."
    )


def refuse_lost_journal(folder: Path) -> None:
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


def refuse_older_journal(folder: Path, state: StudyState) -> None:
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
