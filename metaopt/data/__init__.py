"""Labelled images, loaded from a built-in data set, a folder or a ``.npz`` file and split for training.

Call ``resolve`` once per study, and ``load`` in every process that needs the images.
"""

from pathlib import Path

from metaopt.data.builtin import NAMES, load_builtin
from metaopt.data.dataset import DataSet, Fold, split_data
from metaopt.data.decoding import ProgressCallback
from metaopt.data.folder_loader import load_folder
from metaopt.data.images import ArrayImages, Images, subset
from metaopt.data.npz import load_npz
from metaopt.data.shared_copy import load_once
from metaopt.data.spec import DataSpec, resolve
from metaopt.data.unsplit import UnsplitData
from metaopt.errors import UserError

__all__ = ["NAMES", "ArrayImages", "DataSet", "DataSpec", "Fold", "Images", "load", "resolve", "subset"]

_SMALL = ("digits",)  # built-in data sets of which each process may have its own copy


def load(spec: DataSpec, progress: ProgressCallback | None = None, shared: str | None = None) -> DataSet:
    """Load a data set and split it; the same specification gives the same splits in every process.

    Args:
        spec: specification returned by ``resolve``.
        progress: called with (images decoded, images in total) while a folder is decoded for the first time.
        shared: fingerprint of the data that all processes of this machine share in memory; None for an own copy.

    Raises:
        UserError: the data are missing, invalid or larger than the memory; the message says what to do.
        ResultsNotWritable: the image cache cannot be written.
    """
    try:
        if shared is None or spec.data in _SMALL or Path(spec.data).is_dir():
            return split_data(_load(spec, progress), spec)
        return split_data(load_once(spec, shared, lambda: _load(spec, progress)), spec)
    except MemoryError:
        raise UserError(
            f"There is not enough memory for the images of {spec.data}. Use smaller images, fewer of them, or fewer"
            " workers."
        ) from None


def _load(spec: DataSpec, progress: ProgressCallback | None) -> UnsplitData:
    if spec.data in NAMES:
        if spec.kinds:
            raise UserError(f"{spec.data} has classes: leave target {spec.targets[0]} out.", "target")
        return load_builtin(spec.data, spec.image_size)
    if Path(spec.data).is_file():
        return load_npz(Path(spec.data), spec.image_size, spec.kinds)
    cache = None if spec.cache is None else Path(spec.cache)
    return load_folder(Path(spec.data), spec.image_size, cache, progress, spec.skip_broken, spec.kinds)
