"""Importance of hyperparameters by PED-ANOVA, which Optuna computes on the study's trials."""

import importlib.util
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from metaopt.report.analysis.features import MISSING, Feature
from metaopt.report.analysis.statistics import MIN_TRIALS

if TYPE_CHECKING:
    import optuna

TARGET_QUANTILE = 0.1
"""Share of the trials that count as good."""

OPTUNA = "optuna"


@dataclass(frozen=True)
class Importance:
    """Importance of one hyperparameter.

    Attributes:
        name: its path in the point.
        share: share of the importances of all, 0 to 1.
    """

    name: str
    share: float


def has_optuna() -> bool:
    """Return whether Optuna is installed."""
    return importlib.util.find_spec(OPTUNA) is not None


def importances(features: Sequence[Feature], losses: np.ndarray) -> list[Importance]:
    """Return how much each hyperparameter decides whether a trial is among the best tenth, the most important first.

    PED-ANOVA compares the distribution of a hyperparameter among the good trials with that among all (S. Watanabe et
    al., "PED-ANOVA: Efficiently quantifying hyperparameter importance in arbitrary subspaces", IJCAI 2023), for
    conditional ones as in Conditional PED-ANOVA (arXiv 2601.20800). Unlike the marginal effect, which describes the
    whole range of scores, it describes how to be among the best.

    Args:
        features: hyperparameters of n trials.
        losses: (n,) losses of the trials.

    Returns:
        The importances; none with fewer than ``MIN_TRIALS`` trials, without features, or where all losses are equal.

    Raises:
        ModuleNotFoundError: Optuna is not installed.
    """
    if len(losses) < MIN_TRIALS or not features or np.ptp(losses) == 0:
        return []
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of conditions with few trials
            study = optuna.create_study(direction="minimize")
            study.add_trials(_trials(features, losses))
            evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=TARGET_QUANTILE)
            found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    finally:
        optuna.logging.set_verbosity(before)
    ranked = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
    return [Importance(features[int(number)].name, float(share)) for number, share in ranked]


def _trials(features: Sequence[Feature], losses: np.ndarray) -> "list[optuna.trial.FrozenTrial]":
    """Return the trials for Optuna, each with its active hyperparameters, which are named by their index."""
    import optuna

    distributions = [_distribution(feature) for feature in features]
    trials = []
    for row, loss in enumerate(losses):
        params: dict[str, Any] = {}
        for number, feature in enumerate(features):
            if feature.values[row] is not MISSING:
                params[str(number)] = _value(feature, row)
        known = {name: distributions[int(name)] for name in params}
        trials.append(optuna.trial.create_trial(params=params, distributions=known, value=float(loss)))
    return trials


def _distribution(feature: Feature) -> Any:
    """Return the range of a hyperparameter as its axis has it: 0 to 1, with logarithms taken."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    if feature.is_continuous and not feature.has_none:
        return FloatDistribution(0.0, 1.0)
    if feature.is_continuous:  # None beside numbers, which Optuna has not: as a choice of None and tenths
        return CategoricalDistribution([None, *range(11)])
    return CategoricalDistribution(list(range(len(feature.levels))))


def _value(feature: Feature, row: int) -> float | int | None:
    value = feature.values[row]
    position = feature.position(value)
    if not feature.is_continuous:
        return int(position)
    if not feature.has_none:
        return min(max(position, 0.0), 1.0)
    return None if value is None else round(10 * position)
