"""Hashes of what images hold: to know a data set again, and to find the same picture twice."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from metaopt.data.images import LabelArray

Digests = npt.NDArray[np.uint64]


def digest(data: Any) -> int:
    """64 bits of a bytes-like object's BLAKE2b; among a million images two collide with probability 3e-8."""
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


def digests(images: npt.NDArray[Any]) -> Digests:
    """One digest per image of ``(n, …)``: ``(n,)``."""
    return np.fromiter((digest(np.ascontiguousarray(image)) for image in images), np.uint64, len(images))


def fingerprint(
    heading: Mapping[str, Any], labels: Sequence[Mapping[str, LabelArray]], contents: Iterable[Digests]
) -> str:
    """A data set's fingerprint, equal on every machine; 32 hexadecimal digits.

    Args:
        heading: what else identifies it, JSON types only, e.g. the image size and the names of the classes.
        labels: of each part, in order.
        contents: digests of each part, in order; the order of images counts, for the split depends on it.
    """
    hasher = hashlib.blake2b(digest_size=16)
    hasher.update(json.dumps(heading, sort_keys=True).encode())
    for part in labels:
        for head, values in part.items():
            hasher.update(head.encode() + values.astype("<i4").tobytes())
    for content in contents:
        hasher.update(content.astype("<u8").tobytes())
    return hasher.hexdigest()


def shared_note(a: Digests, b: Digests, name_a: str, name_b: str) -> list[str]:
    """Says how many images of part ``a`` are in part ``b`` too; empty if none."""
    count = int(np.isin(a, b).sum())
    if not count:
        return []
    return [
        f"{count:,} of the {len(a):,} {name_a} images {'is' if count == 1 else 'are'} also among the {name_b} "
        f"images, which makes the {name_a} score too good."
    ]


def contradiction_note(contents: Digests, labels: LabelArray) -> list[str]:
    """Says how many different images occur under more than one class; empty if none."""
    pairs = np.unique(np.stack([contents, labels.astype(np.uint64)]), axis=1)
    count = int((np.unique(pairs[0], return_counts=True)[1] > 1).sum())
    if not count:
        return []
    return [f"{count:,} {'picture occurs' if count == 1 else 'pictures occur'} in more than one class."]
