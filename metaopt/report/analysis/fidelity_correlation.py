"""Rank correlation between fidelities: whether trials rank the same after a short training as after a long one."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from metaopt.report.analysis.rungs import rung_levels, rung_results
from metaopt.report.analysis.study_data import StudyData
from metaopt.report.analysis.truncation import reports_epochs, truncate_record
from metaopt.trials.record import Record

MIN_TRIALS = 10
"""Smallest number of trials of a correlation. With 10 of them the interval of ρ = 0.5 is −0.2 to 0.9."""


@dataclass(frozen=True)
class FidelityCorrelation:
    """Rank correlation of the losses between each pair of budgets.

    Attributes:
        budgets: (k,) resources, ascending.
        correlation: (k, k) Spearman's rank correlation; NaN with fewer than ``MIN_TRIALS`` trials, or where all are
            equal.
        n_trials: (k, k) number of trials that reached both budgets; on the diagonal, that reached the budget.
    """

    budgets: list[int]
    correlation: npt.NDArray[np.float64]
    n_trials: npt.NDArray[np.intp]


def spearman_interval(correlation: float, n: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of Spearman's ρ by Fisher's transformation.

    The standard error √((1 + ρ²/2)/(n − 3)) is that of D. G. Bonett and T. A. Wright, "Sample size requirements for
    estimating Pearson, Kendall and Spearman correlations", Psychometrika 65 (2000).

    Args:
        correlation: ρ, within −1..1.
        n: number of trials, 4 or more.
    """
    if abs(correlation) >= 1:
        return correlation, correlation
    half = float(stats.norm.ppf(0.975)) * math.sqrt((1 + correlation**2 / 2) / (n - 3))
    centre = math.atanh(correlation)
    return math.tanh(centre - half), math.tanh(centre + half)


def correlate_fidelities(study: StudyData) -> FidelityCorrelation:
    """Return the rank correlation of the losses at each pair of budgets, over the trials that reached both.

    A trial that was trained beyond a budget without a pause has reached it, too.
    """
    budgets = rung_levels(study.records)
    losses = np.full((len(budgets), len(study.records)), np.nan)
    for column, record in enumerate(study.records):
        for row, budget in enumerate(budgets):
            losses[row, column] = _loss_at(record, budget, study)
    shape = len(budgets), len(budgets)
    correlation, n_trials = np.full(shape, np.nan), np.zeros(shape, np.intp)
    for i in range(len(budgets)):
        for j in range(len(budgets)):
            both = ~np.isnan(losses[i]) & ~np.isnan(losses[j])
            n_trials[i, j] = both.sum()
            first, second = losses[i, both], losses[j, both]
            if len(first) >= MIN_TRIALS and np.ptp(first) > 0 and np.ptp(second) > 0:
                correlation[i, j] = stats.spearmanr(first, second).statistic
    return FidelityCorrelation(budgets, correlation, n_trials)


def _loss_at(record: Record, budget: int, study: StudyData) -> float:
    """Return the loss of a trial at a budget, NaN where it did not reach it."""
    losses = {result.resource: result.values[0] for result in rung_results(record)}
    if budget in losses:
        return losses[budget]
    # Epochs say nothing about a budget in seconds.
    if study.budget_unit == "epochs" and reports_epochs(record) and record.epochs >= budget:
        loss = truncate_record(record, budget, study.judge).loss
        return np.nan if loss is None else loss
    return np.nan
