"""How well a short training foretells a long one: the rank correlation between budgets."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from metaopt.report.analysis.rungs import budget_unit, budgets, visits_of
from metaopt.report.analysis.scores import limits_of
from metaopt.report.analysis.truncation import after, is_traced
from metaopt.trials.record import Record

# Of fewer trials a correlation says nothing.
_FEWEST = 3


@dataclass(frozen=True)
class Agreement:
    """How far the order of trials at one budget is that at another.

    Attributes:
        budgets: (k,) resources, ascending.
        correlation: (k, k) Spearman's rank correlation; nan of fewer than three trials, or where all are equal.
        trials: (k, k) how many trials reached both; on the diagonal, how many reached the budget.
    """

    budgets: list[int]
    correlation: npt.NDArray[np.float64]
    trials: npt.NDArray[np.intp]


def agreement(records: Sequence[Record]) -> Agreement:
    """The rank correlation of the losses at each pair of budgets, over the trials that reached both.

    A trial that was trained in one go beyond a budget has reached it.
    """
    resources = budgets(records)
    in_epochs, limits = budget_unit(records) == "epochs", limits_of(records)
    losses = np.full((len(resources), len(records)), np.nan)
    for column, record in enumerate(records):
        known = {visit["to"]: visit["loss"] for visit in visits_of(record)}
        for row, resource in enumerate(resources):
            passed = in_epochs and is_traced(record) and record["epochs"] >= resource
            if resource in known:
                losses[row, column] = known[resource]
            elif passed:  # on its way to a higher rung
                losses[row, column] = after(record, resource, limits)["loss"]
    shape = len(resources), len(resources)
    correlation, trials = np.full(shape, np.nan), np.zeros(shape, np.intp)
    for i in range(len(resources)):
        for j in range(len(resources)):
            both = ~np.isnan(losses[i]) & ~np.isnan(losses[j])
            trials[i, j] = both.sum()
            first, second = losses[i, both], losses[j, both]
            if len(first) >= _FEWEST and np.ptp(first) > 0 and np.ptp(second) > 0:
                correlation[i, j] = stats.spearmanr(first, second).statistic
    return Agreement(resources, correlation, trials)
