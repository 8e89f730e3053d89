"""Model files of every format: opening and writing."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metaopt.data.images import InputArray
from metaopt.deployment.formats import KERAS, Format, find_format, require_packages
from metaopt.deployment.runner import Runner
from metaopt.errors import UserError
from metaopt.files.atomic_files import cannot_write, sync_folder
from metaopt.files.regular_file import open_regular
from metaopt.terminal.commands import shown
from metaopt.terminal.suppressed_stderr import suppressed_stderr
from metaopt.training.model_file import ModelMetadata
from metaopt.values.safe_text import describe_cause

if TYPE_CHECKING:
    import keras

_TEMPORARY = ".export-"


def open_model(path: Path) -> Runner:
    """Load a model of any format.

    Raises:
        UserError: It does not exist, is no model, holds code, or needs a package that is not installed.
    """
    kind = find_format(path)
    if kind.name != KERAS and path.exists() and not path.is_dir():
        try:
            open_regular(path).close()
        except OSError as error:
            raise UserError(f"Cannot read model {path}: {error.strerror or error}.") from error
    elif not path.exists():
        raise UserError(f"Model {path} does not exist. Expected a file written by retrain or export.")
    if kind.name == KERAS:
        return _open_keras(path)
    require_packages(path, kind.readers)
    with suppressed_stderr():
        opener: Callable[[Path], Runner] = _function(kind, "open")
        return opener(path)


def _open_keras(path: Path) -> Runner:
    from metaopt.training import backend
    from metaopt.training.model_file import read_metadata

    read_metadata(path)  # before Keras is imported
    with suppressed_stderr():
        backend.prepare()
    from metaopt.training.export import load_model, predict

    model, metadata = load_model(path)
    return Runner(metadata, lambda inputs: predict(model, metadata, inputs))


def set_backend(path: Path, kind: Format) -> None:
    """Make Keras use the backend that writes a format; call it before Keras is imported.

    Raises:
        UserError: A package is missing, or this process uses another backend already.
    """
    if kind.backend is None:
        return
    require_packages(path, (kind.backend, *kind.writers, *kind.readers))
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = kind.backend
        return
    used = sys.modules["keras"].backend.backend()
    if used != kind.backend:
        raise UserError(
            f"{shown(path)} is written by Keras with the backend {kind.backend}, but this process uses {used}. Set"
            f" KERAS_BACKEND to {kind.backend}."
        )


@contextmanager
def written(
    model: "keras.Model",
    metadata: ModelMetadata,
    path: Path,
    kind: Format,
    calibration: InputArray | None = None,
) -> Iterator[Runner]:
    """Write a model of another format, and give it as loaded from its file; it gets its name if the block succeeds.

    Args:
        model: exported model, on the backend of the format.
        metadata: metadata of the file.
        path: the file, or the folder, which does not exist.
        kind: the format.
        calibration: inputs for quantising, or None for 32 bits.

    Raises:
        UserError: The model has an operation that the format lacks.
        ResultsNotWritable: The file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=path.parent))
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        aside = folder / f"model{kind.suffix}"
        try:
            with suppressed_stderr():
                write: Callable[..., None] = _function(kind, "write")
                write(model, metadata, aside, calibration)
        except (MemoryError, UserError):
            raise
        except OSError as error:
            raise cannot_write(path, error) from error
        except Exception as error:  # converters raise exceptions of nearly every type
            raise UserError(f"This model cannot be written as {kind.name}: {describe_cause(error)}.") from error
        yield open_model(aside)
        try:
            os.rename(aside, path)
            sync_folder(path.parent)
        except OSError as error:
            raise cannot_write(path, error) from error
    finally:
        with suppress(OSError):
            shutil.rmtree(folder)


def _function(kind: Format, verb: str) -> Any:
    return getattr(import_module(f"metaopt.deployment.{kind.name}_format"), f"{verb}_{kind.name}")


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    if not path.is_dir():
        return path.stat().st_size
    return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())
