"""Loading of a ``.npz`` file with the arrays ``x_train y_train`` and optionally ``x_test y_test``.

Further heads have arrays such as ``y_train_coarse y_test_coarse``.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from metaopt.data.arrays import LabelledArrays, add_channel_axis, find_pixel_scale, from_arrays, note_dark, to_uint8
from metaopt.data.images import LabelArray
from metaopt.data.labels import check_known, check_labels, count_classes
from metaopt.data.npz_archive import NpzArchive
from metaopt.data.unsplit import UnsplitData
from metaopt.errors import UserError
from metaopt.outputs import class_outputs


def load_npz(path: Path, size: int | None) -> UnsplitData:
    """Read and check a ``.npz`` file; nothing in it is unpickled.

    The first head is called ``fine`` if there is a head ``coarse``, otherwise ``label``. The optional array ``classes``
    names its classes, and ``classes_<head>`` those of another head.

    Args:
        path: the file.
        size: side in pixels of the squares that images are resized to; None keeps their size.

    Raises:
        UserError: the file is not a ``.npz`` file, or its arrays are invalid.
    """
    with NpzArchive(path) as archive:
        extra = [name.removeprefix("y_train_") for name in archive.names if name.startswith("y_train_")]
        first = "fine" if "coarse" in extra else "label"
        if first in extra:
            raise UserError(
                f"Found both y_train and y_train_{first} in {path.name}, two arrays for the head {first}. Remove one of"
                " them."
            )
        reader = _Reader(archive, path, {first: ""} | {head: f"_{head}" for head in extra})
        data = reader.read(size)
        used = {f"{letter}_{split}" for letter in "xy" for split in ("train", "test")} | {"classes"}
        used |= {f"{start}_{head}" for start in ("y_train", "y_test", "classes") for head in extra}
        unused = sorted(set(archive.names) - used)
    if unused:
        data.notes.append(f"Ignored in {path.name}: {', '.join(unused)}.")
    return data


@dataclass(frozen=True)
class _Reader:
    """Reader of the arrays of an open archive.

    Attributes:
        archive: the archive.
        path: its file.
        suffixes: head → suffix of the names of its arrays, the first head first.
    """

    archive: NpzArchive
    path: Path
    suffixes: dict[str, str]

    def read(self, size: int | None) -> UnsplitData:
        """Read images, labels and class names of both splits."""
        images = add_channel_axis(self._array("x_train"), self._where("x_train"))
        scale, notes = find_pixel_scale(images, self._where("x_train"))
        train = self._split("train", images, scale)
        notes += (dark := note_dark(train[0], self._where("x_train")))
        class_names = {head: self._class_names(head, train[1][head]) for head in self.suffixes}
        test, test_notes = self._test_split(images, scale, class_names)
        if test is not None and not dark:
            test_notes += note_dark(test[0], self._where("x_test"))
        return from_arrays(self.path.name, train, test, class_outputs(class_names), size, notes + test_notes)

    def _where(self, name: str) -> str:
        return f"{name} in {self.path.name}"

    def _array(self, name: str) -> npt.NDArray[Any]:
        if name not in self.archive.names:
            present = ", ".join(self.archive.names) or "none"
            raise UserError(
                f"Array {name} not found in {self.path.name}. Expected at least x_train and y_train; the arrays found"
                f" are: {present}."
            )
        return self.archive.read(name)

    def _split(self, split: str, images: npt.NDArray[Any], scale: float) -> LabelledArrays:
        labels = {}
        for head, suffix in self.suffixes.items():
            name = f"y_{split}{suffix}"
            labels[head] = check_labels(self._array(name), len(images), self._where(name))
        return to_uint8(images, scale, self._where(f"x_{split}")), labels

    def _test_split(
        self, train_images: npt.NDArray[Any], scale: float, class_names: dict[str, list[str]]
    ) -> tuple[LabelledArrays | None, list[str]]:
        """Read the test split, or None if there is none, and notes for the user.

        Test images of the type of the training images have their scale.

        Args:
            train_images: ``(n, h, w, c)``.
            scale: factor that scales their pixels to 0..255.
            class_names: head → names of its classes.
        """
        if "x_test" not in self.archive.names and "y_test" not in self.archive.names:
            return None, []
        notes: list[str] = []
        where = self._where("x_test")
        images = add_channel_axis(self._array("x_test"), where)
        if images.shape[1:] != train_images.shape[1:]:
            raise UserError(
                f"Invalid image shape of {where}: {images.shape[1:]}. Expected {train_images.shape[1:]} as in x_train."
            )
        if images.dtype != train_images.dtype:
            if np.dtype(bool) in (images.dtype, train_images.dtype):
                raise UserError(
                    f"Invalid type of {where}: {images.dtype}. Expected {train_images.dtype} as in x_train, because a"
                    " bool image and a numeric one may differ in the value of white."
                )
            scale, notes = find_pixel_scale(images, where)
        test = self._split("test", images, scale)
        for head, suffix in self.suffixes.items():
            check_known(test[1][head], len(class_names[head]), self._where(f"y_test{suffix}"))
        return test, notes

    def _class_names(self, head: str, labels: LabelArray) -> list[str]:
        where = self._where(f"y_train{self.suffixes[head]}")
        name = f"classes{self.suffixes[head]}"
        if name not in self.archive.names:
            return [str(label) for label in range(count_classes(labels, where))]
        given = [str(each) for each in self._array(name).ravel()]
        count_classes(labels, where, given)
        return given
