"""Features of the frozen part of a network, computed once for each image and kept on disk.

A file holds the features of all training and validation images of a data set, ``(n, …)``, for one augmented copy of
each, or for the images themselves: as float16, or as float32 where they exceed its range. Its name is a digest of all
that decides it, so that all trials, studies and workers on a machine share it. It is written aside and renamed, so that
it is complete or absent.
"""

import contextlib
import errno
import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
from filelock import FileLock

from metaopt.blueprint import HASH_VERSION, Blueprint
from metaopt.data import DataSet
from metaopt.data.augmentation import BatchAugmentation
from metaopt.data.images import Images, Subset
from metaopt.files.atomic_files import cannot_write, create_temporary, removed_on_error
from metaopt.files.held_folders import folder_of, lasting
from metaopt.randomness import make_generator
from metaopt.terminal.commands import shown
from metaopt.training.batches import read_images, scale
from metaopt.training.global_state import describe_precision

VERSION = 2
"""Increase it whenever the same images would get other features."""

MOST_BYTES = 8 * 10**9
"""Limit of the folder; the features that were not used for longest are removed."""

Features = npt.NDArray[np.float16 | np.float32]

_BATCH = 64
_HOUR_S, _DAY_S = 3600, 24 * 3600
_VIEW_SEED = 0  # fixed, so that all trials and studies share the augmented copies


@dataclass(frozen=True)
class FeatureStore:
    """Features of the training and validation images of a data set.

    Attributes:
        data: the data set.
        frozen: the frozen part of the network.
        augmentation: augmentation of copies of the images.
    """

    data: DataSet
    frozen: Blueprint
    augmentation: BatchAugmentation
    _in_memory: dict[int, Features] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def _rows(self) -> npt.NDArray[np.int64]:
        """Indices of the training and validation images within the images that all splits select from."""
        images = self.data.everything()
        return images.rows if isinstance(images, Subset) else np.arange(len(images))

    @cached_property
    def _positions(self) -> dict[int, int]:
        return {row: position for position, row in enumerate(self._rows.tolist())}

    def positions(self, images: Images) -> npt.NDArray[np.int64]:
        """Return the position in the features of each image of a split, ``(n,)``."""
        if images is self.data.everything():
            return np.arange(len(images))
        assert isinstance(images, Subset)
        return np.array([self._positions[row] for row in images.rows.tolist()], np.int64)

    def prepare(self, view: int) -> None:
        """Compute the features of a copy, see ``read``, unless there is a file of them.

        Raises:
            ResultsNotWritable: there is no room for them.
        """
        with _writing():
            is_there = self._path(view).is_file()
        if not is_there:
            self.read(view)

    def read(self, view: int) -> Features:
        """Return the features of all images, ``(n, …)``, computed first if need be.

        Those of the images themselves and of the latest copy stay in memory, for all folds.

        Args:
            view: number of the augmented copy, from 1; 0 for the images themselves.

        Raises:
            ResultsNotWritable: there is no room for them.
        """
        if view not in self._in_memory:
            features = self._read_file(view)
            for other in [each for each in self._in_memory if each and view]:
                del self._in_memory[other]
            self._in_memory[view] = features
        return self._in_memory[view]

    def _read_file(self, view: int) -> Features:
        with _writing():
            path = self._path(view)
            if (known := _load(path)) is not None:
                return known
            with FileLock(f"{path}.lock"):
                if (known := _load(path)) is not None:  # another worker has computed them meanwhile
                    return known
                features = self._compute(view)
                try:
                    _write(path, features)
                except OSError as error:
                    if error.errno not in (errno.ENOSPC, errno.EDQUOT) or not _remove_of_others(path.parent):
                        raise
                    _write(path, features)
            _remove_unused(path.parent, path)
        return features

    def _path(self, view: int) -> Path:
        policy = self.augmentation.training.augmentation
        kind = None if policy is None else sorted(policy.strengths.items())
        parts = [
            *(VERSION, HASH_VERSION, self.frozen.hash, self.data.fingerprint, self.data.input_shape),
            *(view, *((self.augmentation.augmentation, kind) if view else ())),
            *(keras.backend.backend(), *describe_precision().values()),
        ]
        # The rows, too: a data set may be a fold of another, of the same size and with the same fingerprint.
        digest = hashlib.blake2b(repr(parts).encode() + self._rows.tobytes(), digest_size=16)
        return lasting("features") / f"{digest.hexdigest()}.npy"

    def _compute(self, view: int) -> Features:
        network = self.frozen.to_keras()
        images = self.data.everything()
        features: Features = np.empty((len(images), *network.output_shape[1:]), np.float16)
        for start in range(0, len(images), _BATCH):
            rows = np.arange(start, min(start + _BATCH, len(images)))
            pixels, _ = read_images(images, rows)
            if view:
                pixels, _ = self.augmentation.vary(pixels, {}, make_generator(_VIEW_SEED, view, "view", start))
            # All batches have one size, so that the graph is traced once.
            filled = np.resize(scale(pixels), (min(_BATCH, len(images)), *pixels.shape[1:]))
            found = np.asarray(network.predict_on_batch(filled), np.float32)[: len(rows)]
            if np.abs(found).max() > np.finfo(features.dtype).max:
                features = features.astype(np.float32)
            features[rows] = found
        return features


def _write(path: Path, features: Features) -> None:
    with create_temporary(path) as file, removed_on_error(file):
        np.save(file, features, allow_pickle=False)
        file.flush()
        os.replace(file.name, path)


def _load(path: Path) -> Features | None:
    """Return stored features; None where there are none, or the file is damaged."""
    try:
        found: Features = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        return None
    except (ValueError, EOFError):
        return None
    with contextlib.suppress(FileNotFoundError):  # another worker has removed it since
        os.utime(path)
    return found


@contextlib.contextmanager
def _writing() -> Iterator[None]:
    """Tell that the cache cannot be written.

    Raises:
        ResultsNotWritable: it cannot.
    """
    try:
        yield
    except OSError as error:
        advice = "The variable TMPDIR names the folder that holds it."
        raise cannot_write(f"The cache of features {shown(folder_of('features'))}", error, advice) from error


def _remove_older(folder: Path, pattern: str, seconds: float) -> int:
    """Remove the files that were not changed or used for so long, and return their number."""
    count = 0
    for path in folder.glob(pattern):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < time.time() - seconds:
                path.unlink()
                count += 1
    return count


def _remove_of_others(folder: Path) -> int:
    """Remove the features that no running search uses, as their disk is full, and return the number of files."""
    return _remove_older(folder, "*.npy", _HOUR_S)


def _remove_unused(folder: Path, newest: Path) -> None:
    """Remove the files that were not used for longest, beyond ``MOST_BYTES``, and those that killed workers left."""
    _remove_older(folder, "*.tmp", _DAY_S)
    _remove_older(folder, "*.lock", _DAY_S)
    files = []
    for path in folder.glob("*.npy"):
        with contextlib.suppress(FileNotFoundError):
            status = path.stat()
            files.append((status.st_mtime, status.st_size, path))
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= MOST_BYTES:
            return
        if path != newest:
            path.unlink(missing_ok=True)
            total -= size
