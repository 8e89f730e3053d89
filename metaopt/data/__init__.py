"""Labelled images: from a name, a folder or a file to the parts that are trained on, validated with, and tested with.

``resolve`` once, in the command; ``load`` in every process that needs the images.
"""

from pathlib import Path

from metaopt.data.dataset import DataSet, Fold, assemble
from metaopt.data.decoded import Progress
from metaopt.data.folder_source import folder_source
from metaopt.data.images import ArrayImages, Images, subset
from metaopt.data.named import NAMES, named_source
from metaopt.data.npz import npz_source
from metaopt.data.spec import DataSpec, resolve

__all__ = ["NAMES", "ArrayImages", "DataSet", "DataSpec", "Fold", "Images", "load", "resolve", "subset"]


def load(spec: DataSpec, progress: Progress | None = None) -> DataSet:
    """Loads a data set and splits it; the same spec gives the same parts in every process.

    Args:
        spec: a concrete one, see ``resolve``.
        progress: is called with (pictures decoded, all pictures) while a folder is decoded for the first time.

    Raises:
        UserError: the data are not as they should be; one sentence says what to do.
    """
    if spec.data in NAMES:
        source = named_source(spec.data, spec.image_size)
    elif Path(spec.data).is_file():
        source = npz_source(Path(spec.data), spec.image_size)
    else:
        cache = None if spec.cache is None else Path(spec.cache)
        source = folder_source(Path(spec.data), spec.image_size, cache, progress)
    return assemble(source, spec)
