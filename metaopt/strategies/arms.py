"""Arms of a search: trials that can be trained on, and new ones, with the rates of training each to each rung."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import ndtr

from metaopt.strategies.feasibility import Feasibility
from metaopt.strategies.improvement_rate import expected_improvement, improvement_rates
from metaopt.strategies.learning_curve_process import LearningCurveProcess
from metaopt.strategies.points import Points


@dataclass(frozen=True)
class Arms:
    """Trials that can be trained on.

    Attributes:
        points: their points, (a).
        trials: index of each in the model, -1 for a new trial, (a,).
        resources: what each was trained, 0 for a new trial, (a,).
    """

    points: Points
    trials: np.ndarray
    resources: np.ndarray

    def __len__(self) -> int:
        return len(self.trials)

    def __getitem__(self, index: np.ndarray | slice) -> "Arms":
        return Arms(self.points[index], self.trials[index], self.resources[index])


@dataclass(frozen=True)
class Outlook:
    """Predictions of arms at R.

    Attributes:
        best: the loss to improve on.
        means: means of the losses, (a,).
        deviations: their standard deviations, (a,).
        feasible: probability of each arm to meet the constraints, (a,).
    """

    best: float
    means: np.ndarray
    deviations: np.ndarray
    feasible: np.ndarray

    @classmethod
    def of(cls, model: LearningCurveProcess, feasibility: Feasibility, arms: Arms, best: float) -> "Outlook":
        """Predict the arms."""
        final = model.posterior(arms.points, np.ones((len(arms), 1)), arms.trials)
        feasible = feasibility.probabilities(arms.points, arms.trials)
        return cls(best, final.means[:, 0], np.sqrt(final.variances[:, 0]), feasible)

    @cached_property
    def chances(self) -> np.ndarray:
        """Probability of each arm to improve on the best and to meet the constraints, (a,)."""
        return ndtr((self.best - self.means) / self.deviations) * self.feasible

    @cached_property
    def gains(self) -> np.ndarray:
        """Expected improvement of each arm, 0 where it does not meet the constraints, (a,)."""
        return expected_improvement(self.best, self.means, self.deviations) * self.feasible


def rates_through_checks(
    model: LearningCurveProcess,
    feasible: np.ndarray,
    arms: Arms,
    rungs: np.ndarray,
    times: np.ndarray,
    costs: np.ndarray,
    overhead: float,
    best: float,
    margin: float,
) -> np.ndarray:
    """Return the expected improvement per cost of each arm through each rung, (a, h); −1 where it has reached it.

    Args:
        model: the model.
        feasible: probability of each arm to meet the constraints, (a,).
        arms: a >= 1 arms.
        rungs: resources of the h rungs, ascending.
        times: t of the rungs, (h,).
        costs: of training each arm to each rung; not read at rungs that it has reached, (a, h).
        overhead: what a job that resumes after a check costs besides its epochs.
        best: the loss to improve on.
        margin: factor >= 1 by which the rate through a check must exceed that of training on to R: rates through
            checks are divided by it.
    """
    posterior = model.posterior(arms.points, np.tile(times, (len(arms), 1)), arms.trials)
    told = posterior.covariances**2 / (posterior.variances + posterior.noise)
    told[:, -1] = 0.0  # nothing is dropped at R
    is_open = rungs > arms.resources[:, None]
    to_end = np.where(is_open, costs[:, -1:] - costs, 0.0)
    to_end[:, :-1] += overhead
    rates = improvement_rates(
        best, posterior.means[:, -1], posterior.variances[:, -1], told, np.where(is_open, costs, 1.0), to_end
    )
    rates[:, :-1] /= margin
    return np.where(is_open, rates * feasible[:, None], -1.0)
