"""Archives of the networks of an evolution while training: ``.keras`` files that are ready to use."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import keras

from metaopt.files.atomic_files import cannot_write
from metaopt.training.evolving.recipe import Recipe


def write_archive(model: keras.Model, recipe: Recipe, path: Path) -> None:
    """Write a model as the user compiled it, with its metrics and its loss without label smoothing.

    Args:
        model: a trained model; it stays as it is.
        recipe: built it.
        path: file that ends in ``.keras``; it is complete, or not there.

    Raises:
        ResultsNotWritable: The disk is full, or the folder not writable.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp.keras")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _as_compiled(model, recipe):
            model.save(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise cannot_write(
            f"The model {path.name}", error, "All earlier results are saved; start again then."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


@contextlib.contextmanager
def _as_compiled(model: keras.Model, recipe: Recipe) -> Iterator[None]:
    """Let a model be saved with the user's loss and metrics, without compiling its steps anew."""
    own = model._compile_config
    model._compile_config = type(own)(**{**own.config, **recipe.compilation, "optimizer": model.optimizer})
    try:
        yield
    finally:
        model._compile_config = own
