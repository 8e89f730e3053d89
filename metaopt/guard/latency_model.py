"""Latency predicted from multiply-accumulates, to reject networks that are far too slow before they are trained."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from metaopt.trials.trial import Trial

MIN_MEASURED = 5
"""Number of measured trials that a prediction needs."""

# A network is rejected where the prediction is more than so many times the limit: others are trained and measured.
_FAR_OFF = 2.0
_TOLERANCE = 1e-9  # for rounding errors: the trial that sets the margin is exactly at the limit


@dataclass(frozen=True)
class LatencyModel:
    """A constant and a time for each multiply-accumulate.

    Attributes:
        base_ms: latency of a network without any.
        ms_per_mac: milliseconds of one.
        margin: by which predictions are divided before they reject: 2, or the largest overestimate of a measured trial.
        n_trials: number of trials that it was fitted to.
    """

    base_ms: float
    ms_per_mac: float
    margin: float
    n_trials: int

    @classmethod
    def fit(cls, macs: Iterable[float], latencies_ms: Iterable[float]) -> "LatencyModel | None":
        """Fit the model by least squares of the relative errors, both parts at least 0.

        Args:
            macs: (n,) multiply-accumulates of each trial.
            latencies_ms: (n,) its measured latency, above 0.

        Returns:
            The model; None with too few trials, or where the latency does not grow with the multiply-accumulates.
        """
        x, y = np.array(list(macs), float), np.array(list(latencies_ms), float)
        if len(x) < MIN_MEASURED or not x.max() > 0:
            return None
        scale = x.max()  # for the accuracy of the solution
        (base, slope), _ = nnls(np.stack([1 / y, x / scale / y], axis=1), np.ones(len(y)))
        if slope <= 0:
            return None
        predicted = base + slope * x / scale
        return cls(float(base), float(slope / scale), max(_FAR_OFF, float((predicted / y).max())), len(y))

    @classmethod
    def of_trials(cls, trials: Iterable[Trial]) -> "LatencyModel | None":
        """Fit the model to the measured trials of a study, to the first 5, 10, 20, 40, … by number.

        So the model changes rarely, as everything that depends on it must be prepared anew.
        """
        counts = [trial.counts for trial in trials]
        known = [each for each in counts if each.get("latency_ms", 0) > 0 and "macs" in each]
        n = MIN_MEASURED
        while 2 * n <= len(known):
            n *= 2
        return cls.fit([each["macs"] for each in known[:n]], [each["latency_ms"] for each in known[:n]])

    def predict(self, macs: float) -> float:
        """Return the predicted latency in milliseconds."""
        return self.base_ms + self.ms_per_mac * macs

    def is_far_off(self, macs: float, bound_ms: float) -> bool:
        """Return whether a network is so large that it cannot be expected to meet a limit."""
        return macs > self.largest_macs(bound_ms) * (1 + _TOLERANCE)

    def largest_macs(self, bound_ms: float) -> float:
        """Return the multiply-accumulates above which a network is far off a limit; at least 0."""
        return max(0.0, (self.margin * bound_ms - self.base_ms) / self.ms_per_mac)
