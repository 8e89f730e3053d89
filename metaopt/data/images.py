"""A data set's part as a sequence of images, in memory or on disk, read batch by batch."""

import math
import shutil
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

ImageArray = npt.NDArray[np.uint8]
LabelArray = npt.NDArray[np.int32]
Rows = npt.NDArray[np.int64]


class Images(Protocol):
    """Images with their labels; picklable.

    ``labels`` has all labels in order, head → ``(n,)`` int32, in the order of the heads.
    """

    @property
    def labels(self) -> Mapping[str, LabelArray]:
        """Head → labels ``(n,)``."""

    def __len__(self) -> int:
        """The number of images."""

    def batch(self, indices: npt.ArrayLike) -> tuple[ImageArray, dict[str, LabelArray]]:
        """The images ``(k, h, w, c)`` and labels ``(k,)`` at the indices ``(k,)``, in their order; copies."""


def _at(labels: Mapping[str, LabelArray], rows: npt.NDArray[np.intp]) -> dict[str, LabelArray]:
    return {head: values[rows] for head, values in labels.items()}


@dataclass(frozen=True, eq=False)
class ArrayImages:
    """Images in memory.

    Attributes:
        array: ``(n, h, w, c)``.
        labels: head → ``(n,)``.
    """

    array: ImageArray
    labels: Mapping[str, LabelArray]

    def __len__(self) -> int:
        return len(self.array)

    def batch(self, indices: npt.ArrayLike) -> tuple[ImageArray, dict[str, LabelArray]]:
        """See ``Images``."""
        rows = np.asarray(indices, dtype=np.intp)
        return self.array[rows], _at(self.labels, rows)


@dataclass(frozen=True, eq=False)
class FileImages:
    """Images in an uncompressed ``.npy`` file ``(n, h, w, c)`` that may be larger than memory.

    Rows are read, at some 5 µs each, where a memory map would count every page that was ever touched into the process's
    memory: a worker that has seen all images would look like one that leaks.

    Attributes:
        path: the file, in C order.
        labels: head → ``(n,)``.
    """

    path: Path
    labels: Mapping[str, LabelArray]

    def __len__(self) -> int:
        return len(next(iter(self.labels.values())))

    def batch(self, indices: npt.ArrayLike) -> tuple[ImageArray, dict[str, LabelArray]]:
        """See ``Images``.

        Raises:
            IndexError: an index is not in 0..n−1.
            OSError: the file is gone, or shorter than it was.
        """
        rows = np.asarray(indices, dtype=np.intp)
        labels = _at(self.labels, rows)
        if len(rows) and rows.min() < 0:
            raise IndexError(f"the index {rows.min()} is negative")
        with self.path.open("rb") as file:
            np.lib.format.read_magic(file)
            shape, _, _ = np.lib.format.read_array_header_1_0(file)
            start = file.tell()
            images = np.empty((len(rows), *shape[1:]), np.uint8)
            size = math.prod(shape[1:])
            for image, row in zip(images, rows.tolist(), strict=True):
                file.seek(start + row * size)
                if file.readinto(image) != size:
                    raise OSError(f"{self.path} ends before image {row}")
        return images, labels

    def delete_when_unused(self, folder: Path) -> None:
        """Removes the folder once nothing refers to these images any more, at the latest at the process's end."""
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)


@dataclass(frozen=True, eq=False)
class Subset:
    """Some rows of other images.

    Attributes:
        base: the other images.
        rows: indices into them, ``(n,)``.
        labels: head → ``(n,)``.
    """

    base: Images
    rows: Rows
    labels: Mapping[str, LabelArray]

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, indices: npt.ArrayLike) -> tuple[ImageArray, dict[str, LabelArray]]:
        """See ``Images``."""
        return self.base.batch(self.rows[np.asarray(indices, dtype=np.intp)])


def subset(images: Images, rows: npt.NDArray[Any]) -> Subset:
    """The images at the rows ``(n,)``, in their order; nothing is copied but labels."""
    rows = rows.astype(np.int64)
    labels = _at(images.labels, rows)
    if isinstance(images, Subset):
        return Subset(images.base, images.rows[rows], labels)
    return Subset(images, rows, labels)
