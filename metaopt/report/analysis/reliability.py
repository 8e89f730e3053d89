"""Reliability of predicted probabilities: how far they are from the shares that come true.

The expected calibration error and its bins are those of Guo et al. 2017, "On calibration of modern neural networks"
(arXiv:1706.04599, equations 2, 3 and 5). The error of few images is above 0 even for perfect probabilities, so it is
compared with the error that these probabilities would have by chance (consistency resampling: Bröcker and Smith 2007,
doi:10.1175/WAF993.1).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from metaopt import randomness
from metaopt.outputs import ClassOutput, LabelOutput, Output

N_BINS = 15
_RESAMPLES = 1000
_MIN_RESAMPLES = 100
_MAX_DRAWS = 20_000_000  # of all resamples together
_CONFIDENCE = 0.95

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Bin:
    """Predictions whose probability is within one of equally wide intervals.

    Attributes:
        count: number of predictions.
        confidence: their mean probability.
        share: share of them that came true.
    """

    count: int
    confidence: float
    share: float


@dataclass(frozen=True)
class Reliability:
    """Reliability of the probabilities of one head.

    Attributes:
        ece: expected calibration error: mean over the predictions of |share − confidence| of their bin.
        by_chance: 95 % quantile of the error that perfect probabilities of these sizes would have.
        bins: the bins that have predictions, ascending.
    """

    ece: float
    by_chance: float
    bins: tuple[Bin, ...]

    @property
    def is_miscalibrated(self) -> bool:
        """Whether the error is larger than chance explains."""
        return self.ece > self.by_chance

    def to_json(self) -> dict[str, Any]:
        """Return the entry of the test log."""
        return asdict(self) | {"bins": [asdict(each) for each in self.bins]}


@np.errstate(all="ignore")  # np.seterr(all="raise") in a user's code is meant for that code
def measure_reliability(
    outputs: Mapping[str, Output], predictions: Mapping[str, Array], targets: Mapping[str, Array]
) -> dict[str, Reliability]:
    """Return head → reliability of its probabilities; numbers and images have none.

    Of a head with classes, the probability of the most probable class counts. Of a head with labels, that of each label
    does.

    Args:
        outputs: head → output.
        predictions: head → predictions ``(n, …)``.
        targets: head → targets ``(n, …)``.
    """
    found = {}
    for head, output in outputs.items():
        predicted, true = predictions[head], np.asarray(targets[head])
        if isinstance(output, ClassOutput):
            found[head] = judge_probabilities(predicted.max(axis=1), predicted.argmax(axis=1) == true)
        elif isinstance(output, LabelOutput):
            found[head] = judge_probabilities(predicted.ravel(), true.ravel() > 0)
    return found


def judge_probabilities(probabilities: Array, came_true: Array) -> Reliability:
    """Return the reliability of probabilities ``(n,)`` of events, of which it is known whether they came true."""
    probabilities = probabilities.astype(np.float64)
    numbers = np.minimum((probabilities * N_BINS).astype(int), N_BINS - 1)
    counts = np.bincount(numbers, minlength=N_BINS)
    expected = np.bincount(numbers, weights=probabilities, minlength=N_BINS)
    hits = np.bincount(numbers, weights=came_true, minlength=N_BINS)
    n = len(probabilities)
    rng = randomness.make_generator(0, 0, "bootstrap")
    resamples = max(_MIN_RESAMPLES, min(_RESAMPLES, _MAX_DRAWS // n))
    errors = [
        np.abs(np.bincount(numbers, weights=rng.random(n) < probabilities, minlength=N_BINS) - expected).sum() / n
        for _ in range(resamples)
    ]
    bins = tuple(
        Bin(int(counts[k]), float(expected[k] / counts[k]), float(hits[k] / counts[k]))
        for k in np.flatnonzero(counts).tolist()
    )
    return Reliability(float(np.abs(hits - expected).sum() / n), float(np.quantile(errors, _CONFIDENCE)), bins)
