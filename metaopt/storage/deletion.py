"""Deletion of a study: the files that it made, and nothing else.

Files of other names, links and what lies behind them stay. A folder is removed once nothing is left in it.
"""

import contextlib
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from metaopt.errors import ResultsNotWritable, UserError
from metaopt.storage.locking import exclusive
from metaopt.storage.record_files import is_record, is_record_name, record_files
from metaopt.storage.results_pickle import UnreadablePickle, read_documents
from metaopt.storage.study import JOURNAL, pickle_path

# Names that metaopt writes into the folder of a study and its subfolders. A matching folder is metaopt's as a whole; a
# pattern that ends in a slash matches folders only.
_FILES = {
    "": (
        r"journal\.(jsonl|repaired|lock|header)(\..+)?",
        r"(model|infeasible|imported)_\d\.\d{10}_\d{6,}\.json",
        r"failed_\d{6,}\.json",
        r"final_test(\.json|_\d+\.npz)",
        r"(best|chosen)\.keras",
        r"(initial\.npz|metadata\.json)",
        r"(best|chosen)_card/",
        r"\.(lock|final_test\.lock)",
        r"tracking/",
        r"\..+\.(tmp|trial|plain\.keras|whole\.keras)",
    ),
    "checkpoints": (r"\.?\d{6,}.*",),
    "figures": (r".+\.(png|svg|csv|gif)", r"report\.html", r"plotly\.min\.js", r"\..+\.tmp"),
    "models": (r"(\d+_(\d+|fixing|crossover)_model|model_(init|final|\d+))\.keras", r"\..+\.tmp(\.keras)?"),
    "cache": (r".+-[0-9a-f]{16}.*",),
    "logs": (r"worker\.log.*", r"retrain-.+/"),
}
_PICKLE = r"{0}(\.old.*)?|\.{0}\..*tmp"
_HEADER = re.compile(rb'\s*\{"seq":0,.{0,200}"event":"study"')


@dataclass(frozen=True)
class Deletion:
    """Files of a study that can be deleted.

    Attributes:
        folder: folder of the study.
        files: files and folders of the study, those beside its folder among them.
        foreign: entries of its folder that the study did not make; they stay.
        trials: number of its records.
    """

    folder: Path
    files: tuple[Path, ...]
    foreign: tuple[Path, ...]
    trials: int


def plan_deletion(folder: Path) -> Deletion:
    """Return what is to be deleted of a study.

    Raises:
        UserError: There is no study, the folder is a link, or it holds something else.
    """
    pickle = pickle_path(folder)
    if folder.is_symlink():
        raise UserError(f"{folder} is a link. Name the folder that it leads to, or remove the link by hand.")
    if not folder.exists():
        if not pickle.exists():
            raise UserError(f"Nothing to delete: there is neither {folder} nor {pickle}.")
        if not _is_own_pickle(pickle):
            raise UserError(f"There is no study {folder}, and {pickle} is not of a study: delete it by hand.")
    elif not folder.is_dir() or not _is_study(folder):
        raise UserError(f"{folder} is not a study: it has no journal and no records. Delete it by hand.")
    own: list[Path] = []
    foreign: list[Path] = []
    for path, is_own in _entries(folder) if folder.exists() else ():
        (own if is_own else foreign).append(path)
    beside = [
        path
        for path in pickle.parent.iterdir()
        if re.fullmatch(_PICKLE.format(re.escape(pickle.name)), path.name) and not path.is_symlink() and path.is_file()
    ]
    # hyperopt's own pickle of that name, beside a folder that a search has just begun, is a user's.
    if pickle in beside and not _has_history(folder) and not _is_own_pickle(pickle):
        beside.remove(pickle)
    trials = len(record_files(folder)) if folder.exists() else 0
    return Deletion(folder, (*own, *sorted(beside)), tuple(foreign), trials)


def delete(deletion: Deletion) -> None:
    """Delete the files of a study.

    Raises:
        UserError: A search is running on it.
        ResultsNotWritable: A file cannot be deleted.
    """
    try:
        with _locked(deletion.folder):
            *paths, last = sorted(deletion.files, key=_identifying_last) or [deletion.folder / JOURNAL]
            for path in paths:
                _remove(path)
            _remove_empty_folders(deletion.folder)
            _remove(last)
    except OSError as error:
        raise ResultsNotWritable(
            f"{error.filename or deletion.folder} cannot be deleted ({error.strerror})."
        ) from error
    with contextlib.suppress(OSError):  # Windows removes it with its last user
        (deletion.folder / ".lock").unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # the user's files are in it
        deletion.folder.rmdir()


def _identifying_last(path: Path) -> int:
    """Return the place of a file in a deletion.

    What an interrupted deletion leaves must still be recognised as a study, so that the next one deletes the rest: by
    its journal, by a record if there is no journal, or by its pickle if there is no folder.
    """
    if path.name == JOURNAL:
        return 3
    return 2 if is_record_name(path.name) else int(path.suffix == ".pkl")


def _remove(path: Path) -> None:
    """Remove a file, a link or a folder; the lock is still held and stays."""
    if path.name == ".lock":
        return
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _remove_empty_folders(folder: Path) -> None:
    for name in filter(None, _FILES):
        with contextlib.suppress(OSError):  # the user's files are in it, or it is a link
            (folder / name).rmdir()


def holds_study(folder: Path) -> bool:
    """Return whether a folder, or the pickle beside it, holds a study that can be deleted."""
    return _has_history(folder) or _is_own_pickle(pickle_path(folder))


def _entries(folder: Path) -> Iterator[tuple[Path, bool]]:
    """Yield the entries of a study's folder and whether the study made them."""
    for name, patterns in _FILES.items():
        inside = folder / name
        if inside.is_symlink() or not inside.is_dir():
            continue
        for path in sorted(inside.iterdir()):
            if not name and path.name in _FILES and path.is_dir() and not path.is_symlink():
                continue  # its entries follow
            names = (path.name, f"{path.name}/") if path.is_dir() else (path.name,)
            matches = any(re.fullmatch(pattern, each) for pattern in patterns for each in names)
            yield path, matches and not path.is_symlink() and (path.is_dir() or path.is_file())


def _is_study(folder: Path) -> bool:
    """Return whether a folder is a study's: it has a journal or records of metaopt, or is what a crash left of one."""
    return _has_history(folder) or {path.name for path in folder.iterdir()} <= {".lock", JOURNAL}


def _has_history(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    journal = folder / JOURNAL
    if journal.is_file() and not journal.is_symlink():
        with journal.open("rb") as file:
            if _HEADER.match(file.read(512)):
                return True
    return any(is_record(path, trial) for trial, path in record_files(folder))


def _is_own_pickle(path: Path) -> bool:
    try:
        return any(each.study is not None for each in read_documents(path))
    except UnreadablePickle:
        return False


def _locked(folder: Path) -> contextlib.AbstractContextManager[None]:
    """Return what holds the lock of a study; a folder that is gone has none."""
    return exclusive(folder, folder / JOURNAL, "deleted") if folder.is_dir() else contextlib.nullcontext()
