"""Content hashes of images and data sets, and the detection of duplicate images."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from metaopt.data.images import LabelArray
from metaopt.outputs import ClassOutput, Output

_BLOCK_BYTES = 2**20

Digests = npt.NDArray[np.uint64]


def digest(data: Any) -> int:
    """Return a 64-bit BLAKE2b hash of a bytes-like object.

    Among a million images the probability that any two collide is 3e-8.
    """
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


def digest_stream(file: BinaryIO) -> int:
    """Return the ``digest`` of the bytes of a file from its position on, without holding them in memory."""
    hasher = hashlib.blake2b(digest_size=8)
    while block := file.read(_BLOCK_BYTES):
        hasher.update(block)
    return int.from_bytes(hasher.digest(), "little")


def digest_images(images: npt.NDArray[Any]) -> Digests:
    """Return one digest per image of ``(n, …)``, as ``(n,)``."""
    return np.fromiter((digest(np.ascontiguousarray(image)) for image in images), np.uint64, len(images))


def fingerprint(
    heading: Mapping[str, Any], labels: Sequence[Mapping[str, LabelArray]], contents: Iterable[Digests]
) -> str:
    """Return the fingerprint of a data set as 32 hexadecimal digits; it is the same on every machine.

    Args:
        heading: further identifying values, e.g. image size and class names; JSON types only.
        labels: head → labels, one mapping per split.
        contents: image digests of each split. The order of the images counts, because the validation split depends
            on it.
    """
    hasher = hashlib.blake2b(digest_size=16)
    hasher.update(json.dumps(heading, sort_keys=True).encode())
    for split in labels:
        for head, values in split.items():
            kind = "<i4" if values.dtype == np.int32 else values.dtype.newbyteorder("<")
            hasher.update(head.encode() + np.ascontiguousarray(values.astype(kind, copy=False)).tobytes())
    for content in contents:
        hasher.update(content.astype("<u8").tobytes())
    return hasher.hexdigest()


def describe_outputs(outputs: Mapping[str, Output]) -> dict[str, Any]:
    """Return the part of the heading that identifies the outputs.

    Studies store the fingerprint, so that of classes never changes.
    """
    classes = {head: list(each.names) for head, each in outputs.items() if isinstance(each, ClassOutput)}
    others = {head: each.describe() for head, each in outputs.items() if head not in classes}
    return {"classes": classes, **({"outputs": others, "heads": list(outputs)} if others else {})}


def note_shared_images(a: Digests, b: Digests, name_a: str, name_b: str, noun: str = "image") -> list[str]:
    """Return a note on how many images of split ``a`` also occur in split ``b``; empty if none do."""
    count = int(np.isin(a, b).sum())
    if not count:
        return []
    return [
        f"{count:,} of the {len(a):,} {name_a} {noun}s {'is' if count == 1 else 'are'} also among the {name_b} {noun}s,"
        f" so the {name_a} score is optimistic."
    ]


def note_images_across_folds(contents: Digests, folds: Sequence[tuple[Any, Any]], noun: str = "image") -> list[str]:
    """Return a note on how many images are trained on in the fold that validates with them; empty if none are.

    Args:
        contents: digests of all images.
        folds: indices of the training and of the validation images of each fold.
        noun: what one of them is called.
    """
    count = sum(int(np.isin(contents[held], contents[train]).sum()) for train, held in folds)
    if not count:
        return []
    return [
        f"{count:,} of the {len(contents):,} {noun}s that the {len(folds)} folds validate with"
        f" {'is' if count == 1 else 'are'} also among the training {noun}s of the same fold, so the validation scores"
        " are optimistic."
    ]


def note_contradicting_labels(contents: Digests, labels: LabelArray, noun: str = "image") -> list[str]:
    """Return a note on how many images occur in more than one class; empty if none do."""
    pairs = np.unique(np.stack([contents, labels.astype(np.uint64)]), axis=1)
    count = int((np.unique(pairs[0], return_counts=True)[1] > 1).sum())
    if not count:
        return []
    return [f"{count:,} {f'{noun} occurs' if count == 1 else f'{noun}s occur'} in more than one class."]
