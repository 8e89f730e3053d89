"""Figures on which the strategy takes a decision, in the units of the objective, for the journal and for reports."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from metaopt.schedulers import Reason
from metaopt.strategies.arms import Outlook
from metaopt.strategies.targets import LossScale

_DIGITS = 4


@dataclass(frozen=True)
class Rates:
    """Expected improvements per cost that were compared.

    Attributes:
        arms: indices of the k arms whose rates were computed, (k,).
        rates: of each through each rung, −1 where it has reached it, (k, h).
        rungs: resources of the rungs, (h,).
        seconds: predicted seconds of training each of all arms to each rung, (a, h).
    """

    arms: np.ndarray
    rates: np.ndarray
    rungs: np.ndarray
    seconds: np.ndarray


@dataclass(frozen=True)
class Reasons:
    """Figures of all arms at one decision.

    Attributes:
        outlook: predictions of the arms.
        scale: scale of the losses.
        has_best: whether a feasible trial is the one to improve on.
        weights: name → weight of each objective; of one objective empty. The losses are then no losses of an objective,
            and are left out.
        rates: None where no rates were compared, as at the end of a search.
    """

    outlook: Outlook
    scale: LossScale
    has_best: bool
    weights: Mapping[str, float] = field(default_factory=dict)
    rates: Rates | None = None

    def of(self, arm: int) -> Reason:
        """Return the figures of an arm; ``docs/auto.md`` explains them. One that is not finite is left out."""
        outlook, restore = self.outlook, self.scale.restore
        mean, deviation = outlook.means[arm], outlook.deviations[arm]
        low, middle, high = restore(np.array([mean - deviation, mean, mean + deviation]))
        found = {
            "chance_of_best": outlook.chances[arm],
            "predicted_loss": middle,
            "deviation": (high - low) / 2,
            "expected_improvement": outlook.gains[arm] * self.scale.unit,
        }
        if self.has_best:
            found["best_loss"] = restore(np.array(outlook.best))
        if self.weights:
            found = {"chance_of_best": outlook.chances[arm], **self.weights}
        if outlook.feasible[arm] < 1:
            found["chance_feasible"] = outlook.feasible[arm]
        return _rounded(found | self._rates(arm))

    def of_left(self, arm: int) -> Reason:
        """Return the figures of an arm that was left in favour of another one."""
        taken = {} if self.rates is None else {"taken_rate": self.rates.rates.max() * self.scale.unit}
        return {**self.of(arm), **_rounded(taken)}

    def _rates(self, arm: int) -> dict[str, float]:
        """Return the check that an arm is most worth training to, its seconds, and the rate through it."""
        if self.rates is None or arm not in self.rates.arms:
            return {}
        rates = self.rates.rates[np.flatnonzero(self.rates.arms == arm)[0]]
        rung = int(np.argmax(rates))
        return {
            "check": self.rates.rungs[rung],
            "seconds": self.rates.seconds[arm, rung],
            "improvement_rate": rates[rung] * self.scale.unit,
        }


def _rounded(figures: dict[str, float]) -> dict[str, float]:
    rounded = {name: float(f"{value:.{_DIGITS}g}") for name, value in figures.items()}
    return {name: value for name, value in rounded.items() if math.isfinite(value)}
