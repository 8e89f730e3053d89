"""Discards: trials that a race over folds ended after their first folds."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

_COUNTS, _NUMBERS = ("folds", "of", "folds_per_repeat", "reference"), ("loss", "chance")


@dataclass(frozen=True)
class Discard:
    """End of a trial after its first folds.

    Attributes:
        folds: number of folds that it was trained on.
        of: number of folds of all repeats.
        folds_per_repeat: number of folds of one repeat.
        reference: number of the trial that it was compared with on the same folds.
        loss: estimated loss of all folds: that of the reference plus the mean difference on the first folds.
        chance: probability that its mean loss over all folds is no larger, see ``fold_scores.chance_to_win``.
    """

    folds: int
    of: int
    folds_per_repeat: int
    reference: int
    loss: float
    chance: float

    @property
    def text(self) -> str:
        """The discard in a few words."""
        return f"discarded after {self.folds} of {self.of} folds"

    def to_json(self) -> dict[str, Any]:
        """Return the discard as a record and the journal hold it."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Discard":
        """Read a stored discard; the counterpart of ``to_json``."""
        return cls(**{name: stored[name] for name in (*_COUNTS, *_NUMBERS)})


def is_discard(value: Any) -> bool:
    """Return whether a value is a stored discard."""
    if not isinstance(value, dict) or not all(type(value.get(name)) in (int, float) for name in _NUMBERS):
        return False
    is_finite = all(math.isfinite(value[name]) for name in _NUMBERS)
    return is_finite and all(type(value.get(name)) is int and value[name] >= 0 for name in _COUNTS)
