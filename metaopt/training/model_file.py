"""What a model that is handed out says of itself: its classes, kept in the ``.keras`` file, read without Keras.

A ``.keras`` file is a zip archive with a ``metadata.json``, to which the key ``metaopt`` is added; Keras reads such a
file as any other. Layers would be the other place, but no built-in layer has room for names, and one of ours could not
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

from metaopt.errors import ResultsNotWritable, UserError

SUFFIX = ".keras"
KEY = "metaopt"
SCHEMA = 1
_METADATA = "metadata.json"


@dataclass(frozen=True)
class Card:
    """What a handed-out model is.

    Attributes:
        classes: head → names of its classes, in the order of its probabilities; the first head comes first.
        input_shape: what images are cut and resized to inside, ``(h, w, c)``.
        training: where it comes from: ``trial``, ``point``, ``epochs``, ``seed``, ``images``, ``data``; JSON types.
    """

    classes: dict[str, list[str]]
    input_shape: tuple[int, int, int]
    training: dict[str, Any] = field(default_factory=dict)


def read_card(path: Path) -> Card:
    """Reads the card of a file.

    Raises:
        UserError: there is no such file, or it is not one that ``retrain`` wrote.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            kept = json.loads(archive.read(_METADATA))[KEY]
        return Card(dict(kept["classes"]), tuple(kept["input_shape"]), kept["training"])
    except FileNotFoundError:
        raise UserError(f"the model {path} does not exist: give a .keras file that `metaopt retrain` wrote.") from None
    except OSError as error:
        raise UserError(f"the model {path} cannot be read ({error.strerror or error}).") from error
    except (zipfile.BadZipFile, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path} is no model that `metaopt retrain` wrote, or it is damaged: it names no classes."
        ) from error


def write_model(path: Path, card: Card, save: Callable[[str], object]) -> None:
    """Writes a model with its card: the file is there as a whole or not at all.

    Args:
        path: ends in ``.keras``; a file that is there is replaced.
        card: what it is.
        save: writes the model itself to the path it is given, as ``keras.Model.save`` does.

    Raises:
        ResultsNotWritable: the folder is read-only or the disk full.
    """
    plain, whole = (path.with_name(f".{path.stem}.{name}{SUFFIX}") for name in ("plain", "whole"))
    try:
        save(str(plain))
        _copy_with_card(plain, whole, card)
        os.replace(whole, path)
    except OSError as error:
        raise ResultsNotWritable(f"the model {path} cannot be written ({error.strerror or error}).") from error
    finally:
        for aside in (plain, whole):
            aside.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Makes the folder of a model that is still to be trained, and tries whether a file can be written there.

    Raises:
        UserError: the name does not end in ``.keras``, or is that of a folder.
        ResultsNotWritable: it could not be written.
    """
    if path.suffix != SUFFIX or path.is_dir():
        raise UserError(f"the model's file {path} must have a name that ends in {SUFFIX}.")
    trial = path.with_name(f".{path.name}.trial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        trial.touch()
        trial.unlink()
    except OSError as error:
        raise ResultsNotWritable(
            f"the model {path} cannot be written ({error.strerror or error}): make its folder writable, or name"
            " another file."
        ) from error


def _copy_with_card(source: Path, target: Path, card: Card) -> None:
    with zipfile.ZipFile(source) as old, target.open("wb") as file:
        with zipfile.ZipFile(file, "w") as new:
            for entry in old.infolist():
                if entry.filename == _METADATA:
                    metadata = json.loads(old.read(entry))
                    metadata[KEY] = {"schema": SCHEMA, **asdict(card)}
                    new.writestr(_METADATA, json.dumps(metadata, ensure_ascii=False))
                    continue
                # Weights may be larger than memory has room for twice.
                with old.open(entry) as reading, new.open(entry.filename, "w", force_zip64=True) as writing:
                    shutil.copyfileobj(reading, writing, 2**20)
        file.flush()
        os.fsync(file.fileno())
