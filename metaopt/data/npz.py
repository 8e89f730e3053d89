"""A ``.npz`` file: ``x_train y_train``, optional ``x_test y_test``, more heads as ``y_train_coarse y_test_coarse``."""

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from metaopt.data.arrays import array_source, pixel_scale, to_uint8, with_channels
from metaopt.data.images import ImageArray, LabelArray
from metaopt.data.labels import check_known, check_labels, count_classes
from metaopt.data.source import Source
from metaopt.errors import UserError

_Part = tuple[ImageArray, dict[str, LabelArray]]


def npz_source(path: Path, size: int | None) -> Source:
    """Reads and checks a file; nothing in it is unpickled.

    The first head is called ``fine`` beside a ``coarse`` one, else ``label``. The array ``classes`` may name its
    classes, and ``classes_<head>`` those of another head.

    Raises:
        UserError: it is no such file, or its arrays are not as they should be.
    """
    archive = _open(path)
    with archive:
        extra = [name.removeprefix("y_train_") for name in archive.files if name.startswith("y_train_")]
        first = "fine" if "coarse" in extra else "label"
        if first in extra:
            raise UserError(
                f"{path.name} has y_train and y_train_{first}, which are both called {first}; leave one out."
            )
        heads = {first: ""} | {head: f"_{head}" for head in extra}
        images = with_channels(_array(archive, "x_train", path), f"x_train in {path.name}")
        scale, notes = pixel_scale(images, f"x_train in {path.name}")
        train = _part(archive, "train", images, scale, heads, path)
        class_names = {head: _class_names(archive, suffix, train[1][head], path) for head, suffix in heads.items()}
        test = _test_part(archive, (images.dtype, scale), train, heads, class_names, path, notes)
        used = {f"{kind}_{part}" for kind in "xy" for part in ("train", "test")} | {"classes"}
        used |= {f"{start}_{head}" for start in ("y_train", "y_test", "classes") for head in extra}
        unused = sorted(set(archive.files) - used)
    if unused:
        notes.append(f"Left out of {path.name}: {', '.join(unused)}.")
    return array_source(path.name, train, test, class_names, size, notes)


def _open(path: Path) -> Any:
    try:
        archive = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is damaged or of another kind"
        raise UserError(f"{path} cannot be read as a .npz ({reason}); make it with numpy.savez.") from error
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise UserError(f"{path} holds a single array, no .npz; make it with numpy.savez(x_train=…, y_train=…).")
    return archive


def _array(archive: Any, name: str, path: Path) -> npt.NDArray[Any]:
    if name not in archive.files:
        there = ", ".join(archive.files) or "nothing"
        raise UserError(f"{path.name} has no array {name} (it has {there}); x_train and y_train are needed.")
    try:
        array: npt.NDArray[Any] = archive[name]
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        reason = "it holds Python objects" if "pickle" in str(error) else "it is damaged"
        raise UserError(f"The array {name} in {path.name} cannot be read: {reason}; write the file anew.") from error
    return array


def _part(archive: Any, part: str, images: npt.NDArray[Any], scale: float, heads: dict[str, str], path: Path) -> _Part:
    labels = {}
    for head, suffix in heads.items():
        name = f"y_{part}{suffix}"
        labels[head] = check_labels(_array(archive, name, path), len(images), f"{name} in {path.name}")
    return to_uint8(images, scale, f"x_{part} in {path.name}"), labels


def _test_part(
    archive: Any,
    trained: tuple[npt.DTypeLike, float],
    train: _Part,
    heads: dict[str, str],
    class_names: dict[str, list[str]],
    path: Path,
    notes: list[str],
) -> _Part | None:
    """The test part; ``trained`` are type and scale of the training images, to which those of the same type keep."""
    if "x_test" not in archive.files and "y_test" not in archive.files:
        return None
    images = with_channels(_array(archive, "x_test", path), f"x_test in {path.name}")
    if images.shape[1:] != train[0].shape[1:]:
        raise UserError(
            f"x_test in {path.name} has images of {images.shape[1:]}, but x_train of {train[0].shape[1:]}; "
            "they must agree."
        )
    dtype, scale = trained
    if images.dtype != dtype:
        if np.dtype(bool) in (images.dtype, dtype):
            raise UserError(
                f"x_test in {path.name} has the type {images.dtype}, but x_train {dtype}; they must agree on what is"
                " white."
            )
        scale, said = pixel_scale(images, f"x_test in {path.name}")
        notes += said
    test = _part(archive, "test", images, scale, heads, path)
    for head, suffix in heads.items():
        check_known(test[1][head], len(class_names[head]), f"y_test{suffix} in {path.name}")
    return test


def _class_names(archive: Any, suffix: str, labels: LabelArray, path: Path) -> list[str]:
    where = f"y_train{suffix} in {path.name}"
    key = f"classes{suffix}"
    if key not in archive.files:
        return [str(label) for label in range(count_classes(labels, where))]
    given = [str(name) for name in _array(archive, key, path).ravel()]
    count_classes(labels, where, given)
    return given
