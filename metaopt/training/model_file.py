"""Metadata of an exported model, stored in its ``.keras`` file and read without Keras.

A ``.keras`` file is a zip archive with a ``metadata.json``, to which the key ``metaopt`` is added; Keras ignores it.
The names of the classes cannot be stored in a layer: no built-in layer has room for them, and a custom layer could not
be loaded where metaopt is not installed.
"""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, cast

from metaopt.data import DataSet
from metaopt.data.pixel_range import FULL
from metaopt.data.standardization import Standardization
from metaopt.errors import UserError
from metaopt.files.atomic_files import cannot_write, create_temporary, name_limit, remove_abandoned, sync_folder
from metaopt.files.regular_file import open_regular
from metaopt.outputs import ClassOutput, Output, class_outputs, read_output
from metaopt.storage.files import Files
from metaopt.terminal.commands import shown
from metaopt.values.json_values import dump_json

SUFFIX = ".keras"
KEY = "metaopt"
SCHEMA = 1
_METADATA = "metadata.json"
_MALFORMED = (ValueError, KeyError, TypeError, AttributeError)
_PLAIN, _WHOLE = f".plain{SUFFIX}", f".whole{SUFFIX}"  # ends of temporary names


@dataclass(frozen=True)
class ModelMetadata:
    """Outputs, input shape and origin of an exported model; the names of the attributes are keys in the file.

    Attributes:
        classes: head → names of its classes, in the order of its probabilities, for the heads that have classes.
        input_shape: shape that the model crops and resizes images to, ``(h, w, c)``; of signals ``(length, c)``.
        pixel_bits: bits that the training images with 16-bit pixels used: an image of 16 bits is cut to 8 by them.
        outputs: head → output, the first head first; from ``classes`` if it is left out.
        standardization: that of signals, which the model contains; None for images.
        sample_rate: positions per second of signals, or None.
        training: origin of the model: ``trial``, ``point``, ``epochs``, ``seed``, ``images``, ``data``; JSON types.
    """

    classes: dict[str, list[str]]
    input_shape: tuple[int, ...]
    training: dict[str, Any] = field(default_factory=dict)
    pixel_bits: int = FULL
    outputs: dict[str, Output] = field(default_factory=dict)
    standardization: Standardization | None = None
    sample_rate: int | None = None

    def __post_init__(self) -> None:
        if not self.outputs:
            object.__setattr__(self, "outputs", class_outputs(self.classes))

    @classmethod
    def of(
        cls,
        outputs: Mapping[str, Output],
        input_shape: tuple[int, ...],
        training: dict[str, Any] | None = None,
        pixel_bits: int = FULL,
    ) -> "ModelMetadata":
        """Return the metadata of a model with these outputs."""
        classes = {head: list(each.names) for head, each in outputs.items() if isinstance(each, ClassOutput)}
        return cls(classes, input_shape, training or {}, pixel_bits, dict(outputs))

    @classmethod
    def for_data(
        cls, outputs: Mapping[str, Output], data: DataSet, training: dict[str, Any] | None = None
    ) -> "ModelMetadata":
        """Return the metadata of a model with these outputs, that was trained on a data set."""
        metadata = cls.of(outputs, data.input_shape, training, data.pixel_bits)
        return replace(metadata, standardization=data.standardization, sample_rate=data.sample_rate)


def read_metadata(path: Path) -> ModelMetadata:
    """Read the metadata of an exported model.

    Raises:
        UserError: the file does not exist, or is not an exported model.
    """
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            stored = json.loads(archive.read(_METADATA))[KEY]
        return parse_metadata(stored, path)
    except FileNotFoundError:
        raise UserError(f"Model {path} does not exist. Expected a .keras file written by retrain.") from None
    except OSError as error:
        raise UserError(f"Cannot read model {path}: {error.strerror or error}.") from error
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, *_MALFORMED) as error:
        raise UserError(
            f"No class names found in {path}. Expected a .keras file written by retrain; the file may be damaged."
        ) from error


def parse_metadata(stored: Any, path: Path) -> ModelMetadata:
    """Return the metadata that ``describe_metadata`` described.

    Args:
        stored: the description.
        path: file that it is from, for messages.

    Raises:
        UserError: a later version of metaopt wrote it.
        AttributeError, KeyError, TypeError, ValueError: it is malformed.
    """
    if stored.get("schema", SCHEMA) != SCHEMA:
        raise UserError(
            f"Model {path} was written by a later version of metaopt (schema {stored['schema']}; this version reads"
            f" {SCHEMA}). Use that version."
        )
    bits = int(stored.get("pixel_bits", FULL))  # files of earlier versions lack it
    outputs = {head: read_output(each) for head, each in stored.get("outputs", {}).items()}
    shape = tuple(stored["input_shape"])
    signal = stored.get("signal")
    standardization = None if signal is None else Standardization.read(signal)
    rate = None if signal is None else signal.get("sample_rate")
    classes = dict(stored["classes"])
    return ModelMetadata(classes, shape, stored["training"], bits, outputs, standardization, rate)


def describe_metadata(metadata: ModelMetadata) -> dict[str, Any]:
    """Return metadata as a model's file holds it, in JSON types."""
    return {"schema": SCHEMA, **_as_stored(metadata)}


def write_model(
    path: Path,
    metadata: ModelMetadata,
    save: Callable[[str], object],
    test: Callable[[Path, str], object] | None = None,
) -> str:
    """Write a model with its metadata atomically: the file is complete, or it is not there.

    Args:
        path: file that ends in ``.keras``; an existing file is replaced.
        metadata: metadata of the model.
        save: writes the model itself to a path, as ``keras.Model.save`` does.
        test: called with the complete file, before it gets its name, and its SHA-256. What it measures is measured on
            this model, even if another process writes to ``path`` at the same time. If it fails, the model is kept.

    Returns:
        The SHA-256 of the file.

    Raises:
        ResultsNotWritable: the folder is read-only, or the disk is full.
    """
    asides: list[Path] = []
    try:
        with create_temporary(path, _PLAIN) as file:
            plain = Path(file.name)
        asides.append(plain)
        save(str(plain))
        with create_temporary(path, _WHOLE) as file:
            whole = Path(file.name)
            asides.append(whole)
            _copy_with_metadata(plain, file, metadata)
            Files().sync(file)
            file.seek(0)
            digest = hashlib.file_digest(cast(Any, file), "sha256").hexdigest()
    except OSError as error:
        _remove(asides)
        raise cannot_write(f"Model {shown(path)}", error) from error
    except BaseException:
        _remove(asides)
        raise
    try:
        if test is not None:
            test(whole, digest)
    finally:
        _place(whole, path)
        _remove([plain])
    return digest


def _place(whole: Path, path: Path) -> None:
    """Rename a complete file durably.

    Raises:
        ResultsNotWritable: the folder is read-only, or the disk is full.
    """
    try:
        os.replace(whole, path)
        sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(f"Model {shown(path)}", error) from error


def _remove(paths: list[Path]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink()


def check_writable(path: Path) -> None:
    """Create the folder of a model before its training, and check that a file can be written there.

    Temporary files of the model that a killed process left behind are removed after a day.

    Raises:
        UserError: the name does not end in ``.keras``, or is that of a folder.
        ResultsNotWritable: the file could not be written.
    """
    if path.suffix != SUFFIX or os.path.isdir(path):
        raise UserError(f"Invalid model file: {shown(path)}. Expected a file name that ends in {SUFFIX}.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with create_temporary(path) as file:
            pass
        os.unlink(file.name)
        remove_abandoned(path, ".tmp", _PLAIN, _WHOLE)
        if len(os.fsencode(path.name)) > name_limit(path.parent):
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
    except OSError as error:
        raise cannot_write(f"Model {shown(path)}", error) from error


def _as_stored(metadata: ModelMetadata) -> dict[str, Any]:
    plain = class_outputs(metadata.classes)
    stored = asdict(replace(metadata, outputs=plain))
    for name in ("outputs", "standardization", "sample_rate"):
        del stored[name]
    if metadata.standardization is not None:
        stored["signal"] = {**metadata.standardization.describe(), "sample_rate": metadata.sample_rate}
    if metadata.outputs != plain:  # files of classifiers without thresholds are as in earlier versions
        stored["outputs"] = {head: output.describe() for head, output in metadata.outputs.items()}
    if metadata.pixel_bits == FULL:  # as in files of earlier versions
        del stored["pixel_bits"]
    return stored


def _copy_with_metadata(source: Path, file: BinaryIO, metadata: ModelMetadata) -> None:
    """Copy a ``.keras`` file and add the metadata to its ``metadata.json``."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(file, "w") as new:
        for entry in old.infolist():
            if entry.filename == _METADATA:
                content = json.loads(old.read(entry))
                content[KEY] = describe_metadata(metadata)
                new.writestr(_METADATA, dump_json(content))
                continue
            # In chunks, because memory may not hold the weights twice.
            with old.open(entry) as reading, new.open(entry.filename, "w", force_zip64=True) as writing:
                shutil.copyfileobj(reading, writing, 2**20)
