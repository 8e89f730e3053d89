"""Names and files of backbones."""

import functools
import hashlib
import os
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path

from metaopt.errors import UserError
from metaopt.files.regular_file import open_regular
from metaopt.terminal.commands import shown

_FILE_PARTS = frozenset({"config.json", "model.weights.h5"})  # of every .keras file
_APPLICATION = re.compile(r"[A-Z][A-Za-z0-9]+")


class UnsupportedSize(UserError):
    """A backbone takes no images of this size."""


def is_application(source: str) -> bool:
    """Return whether a source is the name of a network of ``keras.applications``, and not a path."""
    return _APPLICATION.fullmatch(source) is not None and not os.path.lexists(source)


def weights_folder() -> Path:
    """Return the folder in which Keras keeps the weights of ``keras.applications``, whether it exists or not."""
    return Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"), "models")


def named(source: str) -> str:
    """Return a source for messages."""
    return source if is_application(source) else str(shown(source))


def resolve_source(source: str) -> str:
    """Return a source that means the same in every process: a name, or an absolute path.

    Raises:
        UserError: The file does not exist, or is no Keras model.
    """
    if is_application(source):
        return source
    path = Path(source).expanduser().absolute()
    _require_model(path)
    return str(path)


def identify(source: str) -> str:
    """Return a digest of a file's content, in hexadecimal; of an application its name, whose weights never change.

    Raises:
        UserError: The file does not exist, or is no Keras model.
    """
    if is_application(source):
        return source
    path = Path(source)
    _require_model(path)
    status = path.stat()
    return _digest(str(path), status.st_size, status.st_mtime_ns)


def identify_files(sources: Iterable[str]) -> dict[str, str]:
    """Return the digest of each source that is a file, see ``identify``.

    Raises:
        UserError: A file does not exist, or is no Keras model.
    """
    return {source: identify(source) for source in sources if not is_application(source)}


@functools.lru_cache(maxsize=64)
def _digest(path: str, size: int, changed_ns: int) -> str:  # noqa: ARG001 - a changed file is another key
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _require_model(path: Path) -> None:
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            is_model = set(archive.namelist()) >= _FILE_PARTS
    except FileNotFoundError:
        raise UserError(
            f"The backbone {shown(path)} does not exist. Expected a .keras file, or a name of keras.applications such"
            " as EfficientNetV2B0.",
            "backbones",
        ) from None
    except OSError as error:
        raise UserError(f"Cannot read the backbone {shown(path)}: {error.strerror or error}.", "backbones") from error
    except zipfile.BadZipFile:
        is_model = False
    if not is_model:
        raise UserError(
            f"The backbone {shown(path)} is no Keras model. Expected a file saved by Keras 3 with model.save(….keras).",
            "backbones",
        )
