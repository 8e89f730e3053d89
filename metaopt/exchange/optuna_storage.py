"""Storages of Optuna: opened for reading without changing them."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from metaopt.errors import UserError, hint
from metaopt.files.regular_file import open_regular
from metaopt.terminal.commands import shown
from metaopt.values.safe_text import class_name, first_line
from metaopt.values.urls import is_url, without_secrets

_SQLITE = b"SQLite format 3\0"
_JOURNAL = b'{"op_code"'


def import_optuna() -> Any:
    """Return Optuna.

    Raises:
        UserError: It is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise UserError(
            f"Optuna cannot be imported ({error}): pip install -r requirements.txt, or pip install optuna."
        ) from error
    return optuna


@contextlib.contextmanager
def quiet_optuna(optuna: Any) -> Iterator[None]:
    """Turn off what Optuna tells of studies that are created or opened; a user's own setting is restored."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def shown_source(source: str) -> str:
    """Return a source for messages and records: a path as the user would write it, a URL without its secrets."""
    return without_secrets(source) if is_url(source) else shown(source)


def is_optuna_file(path: Path) -> bool:
    """Return whether a file is a SQLite database or a journal of Optuna, by its first bytes."""
    try:
        with open_regular(path) as file:
            head = file.read(len(_SQLITE))
    except OSError:
        return False
    return head == _SQLITE or head.startswith(_JOURNAL)


@contextlib.contextmanager
def opened_study(source: str, name: str | None) -> Iterator[Any]:
    """Open a study of an Optuna storage for reading.

    Args:
        source: path of a SQLite database or a journal, or the URL of a database.
        name: name of the study; None where the storage has one only.

    Raises:
        UserError: Optuna is not installed, the storage cannot be read, or there is no such study.
    """
    optuna = import_optuna()
    text = shown_source(source)
    with TemporaryDirectory(prefix="metaopt_optuna_") as folder:
        try:
            with quiet_optuna(optuna):
                storage = _open(optuna, source, Path(folder))
                names = optuna.get_all_study_names(storage)
                if name is None and len(names) == 1:
                    name = names[0]
                found = optuna.load_study(study_name=name, storage=storage) if name in names else None
        except (UserError, KeyboardInterrupt):
            raise
        except Exception as error:  # of Optuna, SQLAlchemy or a driver
            cause = _innermost(error)
            reason = f"{class_name(cause)}: {first_line(cause)}"
            raise UserError(f"{text} cannot be read as a storage of Optuna ({reason}).") from error
        if found is None:
            if name is None:
                listed = ", ".join(names) or "none"
                raise UserError(
                    f"{text} holds {len(names)} studies: {listed}. Name the study that is meant: optuna_study.",
                    "optuna_study",
                )
            raise UserError(f"{text} holds no study {name}. {hint(name, names)}", "optuna_study")
        yield found


def _innermost(error: BaseException) -> BaseException:
    """Return the first cause of an exception: Optuna's own texts on a database tell of a commit, whatever failed."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _open(optuna: Any, source: str, folder: Path) -> Any:
    if is_url(source):
        return optuna.storages.RDBStorage(source, skip_table_creation=True)
    # A copy, because opening may create tables, and a journal may be appended to.
    with open_regular(source) as file, (folder / "storage").open("xb") as copy:
        shutil.copyfileobj(file, copy)
    with (folder / "storage").open("rb") as file:
        is_sqlite = file.read(len(_SQLITE)) == _SQLITE
    if is_sqlite:
        return optuna.storages.RDBStorage(f"sqlite:///{folder / 'storage'}", skip_table_creation=True)
    backend = optuna.storages.journal.JournalFileBackend(str(folder / "storage"))
    return optuna.storages.JournalStorage(backend)
