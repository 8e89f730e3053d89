"""Which layers of two networks correspond: an alignment of two sequences, as of two strands of DNA."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Traits:
    """What tells a layer from another of its kind.

    Attributes:
        kind: only layers of one kind correspond.
        weighted: it has weights; others only help to find the place of those.
        window: side of the kernel or the pooling, 1 if it has neither.
        strides: if it has any.
        activation: its name, if it has one.
        size: height and width of the output.
        width: the output's channels.
        taken: the input's channels.
    """

    kind: str
    weighted: bool = True
    window: float = 1
    strides: Any = None
    activation: Any = None
    size: Any = ()
    width: int = 1
    taken: int = 1


# What agreement in each trait is worth. Of layers with weights the sum, 15 at most, is squared: two pairs that agree in
# half of it are worth less than one that agrees in all.
_BASE, _STRIDES, _ACTIVATION, _SIZE = 1.0, 2.0, 1.0, 2.0
_WINDOW, _WIDTH, _TAKEN = 3.0, 4.0, 2.0  # half for being equal, half by the ratio
_LEAST = 5.0  # below it two layers have nothing in common but their kind


def align(child: Sequence[Traits], parent: Sequence[Traits]) -> list[tuple[int, int]]:
    """The pairs (index in the child, index in the parent), ascending in both, whose agreement adds up to the most.

    The dynamic programme of Needleman & Wunsch (1970, doi:10.1016/0022-2836(70)90057-4) with gaps that cost nothing: a
    layer that was inserted, deleted or swapped leaves the others aligned. Among equally good alignments the pairs are
    the earliest, so that of two equal blocks the second one counts as inserted: what comes into it has passed a
    rectifier. Written out, as difflib knows only equal or different, and scipy assigns without keeping the order.
    """
    scores = _scores(child, parent)
    best = np.zeros((len(child) + 1, len(parent) + 1), np.int64)
    for i, row in enumerate(scores):
        # Gaps are free, so a row is a running maximum: of skipping this layer, or of pairing it with the j-th.
        best[i + 1] = np.maximum.accumulate(np.maximum(best[i], np.concatenate([[0], best[i, :-1] + row])))
    pairs = []
    i, j = len(child), len(parent)
    while i and j:
        if best[i - 1, j] == best[i, j]:
            i -= 1
        elif best[i, j - 1] == best[i, j]:
            j -= 1
        else:
            i, j = i - 1, j - 1
            pairs.append((i, j))
    return pairs[::-1]


def _scores(child: Sequence[Traits], parent: Sequence[Traits]) -> np.ndarray:
    """The agreement of each layer of one network with each of the other; whole numbers, so that sums compare."""

    def equal(name: str) -> np.ndarray:
        codes: dict[Any, int] = {}
        mine, theirs = (
            np.array([codes.setdefault(getattr(one, name), len(codes)) for one in side], int)
            for side in (child, parent)
        )
        return mine[:, None] == theirs[None, :]

    def near(name: str) -> np.ndarray:
        mine, theirs = (np.array([getattr(one, name) for one in side], float) for side in (child, parent))
        return (equal(name) + np.minimum.outer(mine, theirs) / np.maximum.outer(mine, theirs)) / 2

    settings = (
        _BASE
        + _STRIDES * equal("strides")
        + _ACTIVATION * equal("activation")
        + _SIZE * equal("size")
        + _WINDOW * near("window")
    )
    full = settings + _WIDTH * near("width") + _TAKEN * near("taken")
    weighted = np.array([one.weighted for one in child], bool)[:, None]
    worth = np.where(weighted, np.where(full < _LEAST, 0, full) ** 2, settings)
    return np.rint(1000 * worth * (equal("kind") & equal("weighted"))).astype(np.int64)
