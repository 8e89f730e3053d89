"""Importance of hyperparameters by PED-ANOVA, which Optuna computes on the study's trials."""

import importlib.util
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from metaopt.exchange.optuna_storage import quiet_optuna
from metaopt.report.analysis.features import MISSING, NONE_POSITION, Feature
from metaopt.report.analysis.statistics import MIN_TRIALS

if TYPE_CHECKING:
    import optuna

TARGET_QUANTILE = 0.1
"""Share of the trials that count as good."""

MAX_TRIALS = 1000
"""Most trials that count, evenly spaced by number; 10,000 would take many seconds and change little."""


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
    return importlib.util.find_spec("optuna") is not None


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

    chosen = np.unique(np.linspace(0, len(losses) - 1, min(len(losses), MAX_TRIALS)).round().astype(int))
    counted = [replace(feature, values=[feature.values[row] for row in chosen]) for feature in features]
    with quiet_optuna(optuna), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of conditions with few trials
        study = optuna.create_study(direction="minimize")
        study.add_trials(_trials(counted, losses[chosen]))
        evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=TARGET_QUANTILE)
        found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    ranked = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
    return [Importance(features[int(number)].name, float(share)) for number, share in ranked]


def _trials(features: Sequence[Feature], losses: np.ndarray) -> "list[optuna.trial.FrozenTrial]":
    """Return the trials for Optuna, each with its active hyperparameters, which are named by their index."""
    import optuna

    ranges = [_range(feature) for feature in features]
    columns = [_values(feature) for feature in features]
    trials = []
    for row, loss in enumerate(losses):
        active = [number for number, feature in enumerate(features) if feature.values[row] is not MISSING]
        trials.append(
            optuna.trial.create_trial(
                params={str(number): columns[number][row] for number in active},
                distributions={str(number): ranges[number] for number in active},
                value=float(loss),
            )
        )
    return trials


def _range(feature: Feature) -> "optuna.distributions.BaseDistribution":
    """Return the range of a hyperparameter on its axis: 0 to 1 of numbers, with logarithms taken, or its levels."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    if not feature.is_continuous:
        return CategoricalDistribution(range(len(feature.levels)))
    # None beside numbers, which Optuna does not have, makes it a choice of None and tenths.
    return CategoricalDistribution([None, *range(11)]) if feature.has_none else FloatDistribution(0.0, 1.0)


def _values(feature: Feature) -> list[Any]:
    """Return the (n,) values within that range; those of trials without the hyperparameter have no meaning."""
    positions = np.nan_to_num(feature.positions())
    if not feature.is_continuous:
        return [int(position) for position in positions]
    if not feature.has_none:
        return np.clip(positions, 0.0, 1.0).tolist()
    return [None if position == NONE_POSITION else round(10 * position) for position in positions]
