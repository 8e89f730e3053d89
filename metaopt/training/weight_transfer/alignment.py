"""Alignment of the layers of two networks as sequences (Needleman-Wunsch)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class LayerTraits:
    """Properties by which two layers are compared.

    Attributes:
        layer_type: only layers of the same type match.
        has_weights: has weights; layers without weights only help to locate those with weights.
        window: side of the kernel or the pooling window, 1 if there is none.
        strides: strides, if any.
        activation: name of the activation, if any.
        size: height and width of the output.
        channels: output channels.
        input_channels: input channels.
    """

    layer_type: str
    has_weights: bool = True
    window: float = 1
    strides: Any = None
    activation: Any = None
    size: Any = ()
    channels: int = 1
    input_channels: int = 1


# Scores of agreement in each trait. For layers with weights the sum, at most 15, is squared: one pair that agrees fully
# scores more than two pairs that agree half.
_BASE, _STRIDES, _ACTIVATION, _SIZE = 1.0, 2.0, 1.0, 2.0
_WINDOW, _CHANNELS, _INPUT_CHANNELS = 3.0, 4.0, 2.0  # half for equality, half in proportion to the ratio
_MIN_SCORE = 5.0  # layers with weights that score less do not match


def align_layers(child: Sequence[LayerTraits], parent: Sequence[LayerTraits]) -> list[tuple[int, int]]:
    """Return the pairs (index in the child, index in the parent) with the highest total score, in ascending order.

    Dynamic programming after Needleman & Wunsch (1970, doi:10.1016/0022-2836(70)90057-4) without gap penalties: an
    inserted, deleted or swapped layer leaves the others aligned. Among alignments of equal score the earliest pairs are
    chosen, so that of two equal blocks the second one counts as inserted: its input has passed a ReLU. The algorithm is
    implemented here because difflib compares for equality only, and scipy's assignment does not preserve the order.
    """
    scores = _score_pairs(child, parent)
    best = np.zeros((len(child) + 1, len(parent) + 1), np.int64)
    for i, row in enumerate(scores):
        # Without gap penalties a row is a running maximum: of skipping this layer, or pairing it with the j-th one.
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


def _score_pairs(child: Sequence[LayerTraits], parent: Sequence[LayerTraits]) -> np.ndarray:
    """Return the score of each pair of layers, ``(child, parent)``; integers, so that sums compare exactly."""

    def equal(name: str) -> np.ndarray:
        codes: dict[Any, int] = {}
        ours, theirs = (
            np.array([codes.setdefault(getattr(layer, name), len(codes)) for layer in network], int)
            for network in (child, parent)
        )
        return ours[:, None] == theirs[None, :]

    def near(name: str) -> np.ndarray:
        ours, theirs = (np.array([getattr(layer, name) for layer in network], float) for network in (child, parent))
        return (equal(name) + np.minimum.outer(ours, theirs) / np.maximum.outer(ours, theirs)) / 2

    settings = (
        _BASE
        + _STRIDES * equal("strides")
        + _ACTIVATION * equal("activation")
        + _SIZE * equal("size")
        + _WINDOW * near("window")
    )
    full = settings + _CHANNELS * near("channels") + _INPUT_CHANNELS * near("input_channels")
    has_weights = np.array([layer.has_weights for layer in child], bool)[:, None]
    score = np.where(has_weights, np.where(full < _MIN_SCORE, 0, full) ** 2, settings)
    return np.rint(1000 * score * (equal("layer_type") & equal("has_weights"))).astype(np.int64)
