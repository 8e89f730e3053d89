"""One copy of a data set in memory for all processes of a machine.

Each worker process would hold its own copy of a built-in data set or of a ``.npz`` file. Instead, the first worker of a
machine writes the images to files in a temporary folder, and all workers map these files: the pages exist once. The
folder is removed when no process uses it. Images of a folder need no such copy: each batch is read from the cache of
decoded images.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import numpy.typing as npt

from metaopt.data.fingerprint import digest
from metaopt.data.images import ArrayImages, LabelArray
from metaopt.data.spec import DataSpec
from metaopt.data.unsplit import UnsplitData
from metaopt.files.held_folders import hold, release
from metaopt.outputs import read_output

_VERSION = 2  # of the files; also part of the name of the folder
_SMALLEST = 2**24  # bytes of images; smaller data sets are not worth a file
_COMPLETE = "facts.npz"  # written last
_TEXT_FIELDS = ("name", "shape", "default_augmentation", "fingerprint", "pixel_bits", "sample_rate", "notes")


def load_once(spec: DataSpec, fingerprint: str, load: Callable[[], UnsplitData]) -> UnsplitData:
    """Return a data set whose images are in memory once per machine.

    Where the copy cannot be written, e.g. to a full disk, the images are in the memory of this process.

    Args:
        spec: what is loaded; names the copy together with the fingerprint.
        fingerprint: the expected fingerprint; a data set with another one is returned as it was loaded.
        load: loads the data set.

    Raises:
        UserError: The data cannot be loaded.
    """
    key = [_VERSION, fingerprint, spec.data, spec.image_size]
    name = f"data-{hashlib.blake2b(json.dumps(key).encode(), digest_size=16).hexdigest()}"
    try:
        folder = hold(name)
    except OSError:  # no room, or no locks
        return load()
    data: UnsplitData | None = None
    with contextlib.suppress(OSError, NotImplementedError), filelock.FileLock(folder / "writing"):
        if (copy := _open(folder)) is not None:
            return copy
        data = load()
        if _is_worth_sharing(data) and fingerprint.startswith(data.fingerprint):
            _write(folder, data)
            if (copy := _open(folder)) is not None:
                return copy
    release(folder)
    return data or load()


def _is_worth_sharing(data: UnsplitData) -> bool:
    return isinstance(data.images, ArrayImages) and data.images.array.nbytes >= _SMALLEST


def _write(folder: Path, data: UnsplitData) -> None:
    """Write images, then the facts, which make the copy complete.

    Raises:
        OSError: There is no room.
    """
    (folder / _COMPLETE).unlink(missing_ok=True)
    splits = {"images": data.images, **({} if data.test is None else {"test": data.test})}
    facts: dict[str, Any] = {"digests": data.digests, "test_digests": data.test_digests}
    if data.validation is not None:
        facts["validation"] = data.validation
    digests = {}
    for split, images in splits.items():
        assert isinstance(images, ArrayImages)
        with (folder / f"{split}.npy").open("wb") as file:
            np.save(file, images.array)
        digests[split] = _digest(images.array)
        facts.update({f"{split}.{head}": values for head, values in images.labels.items()})
    text: dict[str, Any] = {"contents": digests, **{name: getattr(data, name) for name in _TEXT_FIELDS}}
    text["outputs"] = {head: output.describe() for head, output in data.outputs.items()}
    facts["text"] = np.frombuffer(json.dumps(text).encode(), np.uint8)
    part = folder / "part.npz"
    with part.open("wb") as file:
        np.savez(file, allow_pickle=False, **facts)
    part.replace(folder / _COMPLETE)


def _open(folder: Path) -> UnsplitData | None:
    """Return the data set of a complete copy; None if there is none, or it is damaged."""
    try:
        with np.load(folder / _COMPLETE, allow_pickle=False) as archive:
            facts = {name: archive[name] for name in archive.files}
        text = json.loads(facts.pop("text").tobytes())
        splits = {
            split: _map(folder / f"{split}.npy", content, _labels(facts, split))
            for split, content in text.pop("contents").items()
        }
        text["outputs"] = {head: read_output(stored) for head, stored in text["outputs"].items()}
        return UnsplitData(
            images=splits["images"],
            test=splits.get("test"),
            digests=facts["digests"],
            test_digests=facts["test_digests"],
            validation=facts.get("validation"),
            **{**text, "shape": tuple(text["shape"])},
        )
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None


def _labels(facts: Mapping[str, npt.NDArray[Any]], split: str) -> dict[str, LabelArray]:
    start = f"{split}."
    return {name.removeprefix(start): values for name, values in facts.items() if name.startswith(start)}


def _map(path: Path, content: str, labels: Mapping[str, LabelArray]) -> ArrayImages:
    """Return mapped images.

    They are read once for the comparison. Their pages then count to the memory of this process from its start, not as
    if it grew while it trains.

    Raises:
        ValueError: The file has another content than the one that was written.
    """
    array = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    if _digest(array) != content:
        raise ValueError(f"{path} is damaged.")
    return ArrayImages(array, labels)


def _digest(array: npt.NDArray[Any]) -> str:
    return f"{digest(np.ascontiguousarray(array).reshape(-1).view(np.uint8)):016x} {array.dtype} {list(array.shape)}"
