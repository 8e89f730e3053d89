"""Variation of test scores over the seeds of a training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev


@dataclass(frozen=True)
class SeedSpread:
    """A score over several trainings of one point.

    Attributes:
        values: score of each training, in their order.
        mean: mean of them.
        deviation: standard deviation of them (n − 1).
    """

    values: tuple[float, ...]
    mean: float
    deviation: float


def spread_of_seeds(scores: Sequence[Mapping[str, float]]) -> dict[str, SeedSpread]:
    """Return metric → its spread over trainings that differ in their seed alone.

    Args:
        scores: metric → score, of each of two or more trainings.
    """
    values = {name: [each[name] for each in scores] for name in scores[0]}
    return {name: SeedSpread(tuple(each), fmean(each), stdev(each)) for name, each in values.items()}
