"""Loading of a ``.npz`` file with the arrays ``x_train y_train`` and optionally ``x_test y_test``.

Further heads have arrays such as ``y_train_coarse y_test_coarse``.
"""

from collections.abc import Mapping
from pathlib import Path

from metaopt.data.npz_archive import NpzArchive
from metaopt.data.npz_reader import NpzReader
from metaopt.data.signal_arrays import INPUT
from metaopt.data.target_kinds import check_heads
from metaopt.data.unsplit import UnsplitData
from metaopt.errors import UserError
from metaopt.quantities import ImageSize


def load_npz(path: Path, size: ImageSize | None, targets: Mapping[str, str] | None = None) -> UnsplitData:
    """Read and check a ``.npz`` file; nothing in it is unpickled.

    The first head is called ``fine`` if there is a head ``coarse``, otherwise ``label``. The optional array ``classes``
    names its classes, labels or numbers, and ``classes_<head>`` those of another head. The kind of a head follows from
    its array, see ``infer_kind``. ``m_train`` and ``m_test`` say which pixels of image targets count. ``input`` says
    whether ``x_train`` holds signals or images, where its shape does not tell, see ``infer_input``.

    Args:
        path: the file.
        size: size that images are resized to; None keeps their own.
        targets: head → kind, where the array does not tell it.

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
        suffixes = {first: ""} | {head: f"_{head}" for head in extra}
        check_heads(targets or {}, list(suffixes), path.name)
        reader = NpzReader(archive, path, suffixes, dict(targets or {}))
        data = reader.read(size)
        used = {f"{letter}_{split}" for letter in "xym" for split in ("train", "test")} | {"classes", INPUT}
        used |= {f"{start}_{head}" for start in ("y_train", "y_test", "m_train", "m_test", "classes") for head in extra}
        unused = sorted(set(archive.names) - used)
    if unused:
        data.notes.append(f"Ignored in {path.name}: {', '.join(unused)}.")
    return data
