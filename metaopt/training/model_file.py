"""Metadata of an exported model, stored in its ``.keras`` file and read without Keras.

A ``.keras`` file is a zip archive with a ``metadata.json``, to which the key ``metaopt`` is added; Keras ignores it.
The names of the classes cannot be stored in a layer: no built-in layer has room for them, and a custom layer could not
be loaded where metaopt is not installed.
"""

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from metaopt.data.pixel_range import FULL
from metaopt.errors import ResultsNotWritable, UserError
from metaopt.json_values import dump_json
from metaopt.regular_file import open_regular
from metaopt.storage.files import Files

SUFFIX = ".keras"
KEY = "metaopt"
SCHEMA = 1
_METADATA = "metadata.json"


@dataclass(frozen=True)
class ModelMetadata:
    """Classes, input shape and origin of an exported model; the names of the attributes are keys in the file.

    Attributes:
        classes: head → names of its classes, in the order of its probabilities; the first head comes first.
        input_shape: shape that the model crops and resizes images to, ``(h, w, c)``.
        pixel_bits: bits that the training images with 16-bit pixels used: an image of 16 bits is cut to 8 by them.
        training: origin of the model: ``trial``, ``point``, ``epochs``, ``seed``, ``images``, ``data``; JSON types.
    """

    classes: dict[str, list[str]]
    input_shape: tuple[int, int, int]
    training: dict[str, Any] = field(default_factory=dict)
    pixel_bits: int = FULL


def read_metadata(path: Path) -> ModelMetadata:
    """Read the metadata of an exported model.

    Raises:
        UserError: the file does not exist, or is not an exported model.
    """
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            stored = json.loads(archive.read(_METADATA))[KEY]
        bits = int(stored.get("pixel_bits", FULL))  # files of earlier versions lack it
        return ModelMetadata(dict(stored["classes"]), tuple(stored["input_shape"]), stored["training"], bits)
    except FileNotFoundError:
        raise UserError(f"Model {path} does not exist. Expected a .keras file written by retrain.") from None
    except OSError as error:
        raise UserError(f"Cannot read model {path}: {error.strerror or error}.") from error
    except (zipfile.BadZipFile, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"No class names found in {path}. Expected a .keras file written by retrain; the file may be damaged."
        ) from error


def write_model(path: Path, metadata: ModelMetadata, save: Callable[[str], object]) -> None:
    """Write a model with its metadata atomically: the file is complete, or it is not there.

    Args:
        path: file that ends in ``.keras``; an existing file is replaced.
        metadata: metadata of the model.
        save: writes the model itself to a path, as ``keras.Model.save`` does.

    Raises:
        ResultsNotWritable: the folder is read-only, or the disk is full.
    """
    plain, whole = (path.with_name(f".{path.stem}.{name}{SUFFIX}") for name in ("plain", "whole"))
    try:
        save(str(plain))
        _copy_with_metadata(plain, whole, metadata)
        os.replace(whole, path)
    except OSError as error:
        raise ResultsNotWritable(f"Cannot write model {path}: {error.strerror or error}.") from error
    finally:
        for aside in (plain, whole):
            aside.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Create the folder of a model before its training, and check that a file can be written there.

    Raises:
        UserError: the name does not end in ``.keras``, or is that of a folder.
        ResultsNotWritable: the file could not be written.
    """
    if path.suffix != SUFFIX or path.is_dir():
        raise UserError(f"Invalid model file: {path}. Expected a file name that ends in {SUFFIX}.")
    probe = path.with_name(f".{path.name}.trial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ResultsNotWritable(
            f"Cannot write model {path}: {error.strerror or error}. Make its folder writable, or choose another file."
        ) from error


def _as_stored(metadata: ModelMetadata) -> dict[str, Any]:
    stored = asdict(metadata)
    if metadata.pixel_bits == FULL:  # as in files of earlier versions
        del stored["pixel_bits"]
    return stored


def _copy_with_metadata(source: Path, target: Path, metadata: ModelMetadata) -> None:
    """Copy a ``.keras`` file and add the metadata to its ``metadata.json``."""
    with zipfile.ZipFile(source) as old, target.open("wb") as file:
        with zipfile.ZipFile(file, "w") as new:
            for entry in old.infolist():
                if entry.filename == _METADATA:
                    content = json.loads(old.read(entry))
                    content[KEY] = {"schema": SCHEMA, **_as_stored(metadata)}
                    new.writestr(_METADATA, dump_json(content))
                    continue
                # In chunks, because memory may not hold the weights twice.
                with old.open(entry) as reading, new.open(entry.filename, "w", force_zip64=True) as writing:
                    shutil.copyfileobj(reading, writing, 2**20)
        Files().sync(file)
