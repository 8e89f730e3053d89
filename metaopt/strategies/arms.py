"""Arms of a search: trials that can be trained on, and new ones, with the best rung to train each to."""

from dataclasses import dataclass

import numpy as np

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
class Choice:
    """The arm and the rung with the largest rate.

    Attributes:
        arm: index of the arm.
        rung: index of the rung.
        rate: expected improvement per cost, in standardised losses per second of a typical network.
        mean: posterior mean of the arm's standardised loss at R.
        deviation: its posterior standard deviation.
        best: the standardised loss to improve on.
    """

    arm: int
    rung: int
    rate: float
    mean: float
    deviation: float
    best: float


def find_best_mean(model: LearningCurveProcess) -> tuple[float, np.ndarray]:
    """Return the least posterior mean of a trial at what it was trained, and the means at R of all trials, (m,)."""
    observed = model.observed
    trials = np.arange(len(observed.points))
    last = np.searchsorted(observed.trials, trials, side="right") - 1
    times = np.column_stack([observed.times[last], np.ones(len(trials))])
    means = model.posterior(observed.points, times, trials).means
    return float(means[:, 0].min()), means[:, 1]


def select_promising(model: LearningCurveProcess, arms: Arms, costs: np.ndarray, best: float, most: int) -> np.ndarray:
    """Return the indices of the arms with the most expected improvement per cost of training to R.

    Args:
        model: the model.
        arms: a arms.
        costs: of training each to R, (a,).
        best: the loss to improve on.
        most: number of arms to return.
    """
    final = model.posterior(arms.points, np.ones((len(arms.trials), 1)), arms.trials)
    gains = expected_improvement(best, final.means[:, 0], np.sqrt(final.variances[:, 0]))
    return np.argsort(-gains / costs, kind="stable")[:most]


def choose(
    model: LearningCurveProcess, arms: Arms, rungs: np.ndarray, times: np.ndarray, costs: np.ndarray, best: float
) -> Choice:
    """Return the arm and the rung with the largest expected improvement per cost.

    Args:
        model: the model.
        arms: a >= 1 arms.
        rungs: resources of the h rungs, ascending.
        times: t of the rungs, (h,).
        costs: of training each arm to each rung; not read at rungs that it has reached, (a, h).
        best: the loss to improve on.
    """
    posterior = model.posterior(arms.points, np.tile(times, (len(arms.trials), 1)), arms.trials)
    mean, variance = posterior.means[:, -1], posterior.variances[:, -1]
    told = posterior.covariances**2 / (posterior.variances + posterior.noise)
    told[:, -1] = 0.0  # nothing is dropped at R
    is_open = rungs > arms.resources[:, None]
    to_end = np.where(is_open, costs[:, -1:] - costs, 0.0)
    rates = improvement_rates(best, mean, variance, told, np.where(is_open, costs, 1.0), to_end)
    arm, rung = np.unravel_index(np.argmax(np.where(is_open, rates, -1.0)), rates.shape)
    return Choice(
        int(arm), int(rung), float(rates[arm, rung]), float(mean[arm]), float(np.sqrt(variance[arm])), best
    )
