"""Hyperparameters of the trials that succeeded, ranked by their marginal effect on the objective."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from metaopt.report.analysis.features import Feature, extract_features
from metaopt.report.analysis.statistics import MIN_TRIALS, Effect, corrected, marginal_effect
from metaopt.report.analysis.study_data import StudyData
from metaopt.spaces import compile_space
from metaopt.trials.record import Record


@dataclass(frozen=True)
class RankedFeatures:
    """Hyperparameters of the trials that succeeded, by their effect.

    Attributes:
        features: the features with their effects, the largest first; in the order of the points with too few trials.
        constant: names of constant hyperparameters.
        unread: names of those that nothing reads.
        records: records of the features' values, by trial number.
        losses: (n,) losses of the records.
    """

    features: list[tuple[Feature, Effect]]
    constant: list[str]
    unread: list[str]
    records: list[Record]
    losses: np.ndarray

    @property
    def n_missing(self) -> int:
        """Number of further trials that an estimate of the effects needs; 0 where there are enough."""
        return max(0, MIN_TRIALS - len(self.records))

    def explain_left_out(self) -> str:
        """Return a sentence for each kind of hyperparameter that is left out; empty where there is none."""
        texts = []
        if self.constant:
            texts.append(f" Constant: {_some(self.constant)}.")
        if self.unread:
            texts.append(f" Left out, as neither the network nor the training reads them: {_some(self.unread)}.")
        return "".join(texts)


def rank_features(study: StudyData, space: Any) -> RankedFeatures:
    """Return the hyperparameters by their marginal effect, whose p-values are corrected for their number (Holm)."""
    records = sorted(study.with_loss, key=lambda record: record.trial)
    logarithmic = set(study.logarithmic)
    if space is not None:
        parameters = compile_space(space).parameters
        logarithmic |= {parameter.label for parameter in parameters if parameter.distribution.is_logarithmic}
    found = extract_features(records, logarithmic, study.unread)
    losses = np.array([record.result.values[0] for record in records])
    effects = corrected([marginal_effect(feature, losses) for feature in found.varying])
    ranked = list(zip(found.varying, effects, strict=True))
    ranked.sort(key=lambda pair: -np.nan_to_num(pair[1].share, nan=-1.0))
    return RankedFeatures(ranked, found.constant, found.unread, records, losses)


def explain_no_features(ranked: RankedFeatures) -> str:
    """Return why no hyperparameter is drawn, as a sentence."""
    n = len(ranked.records)
    if n == 1:
        return "Only one trial succeeded, so no hyperparameter varies."
    return f"All {n} trials that succeeded have the same hyperparameters.{ranked.explain_left_out()}"


def _some(names: Sequence[str], most: int = 12) -> str:
    """Return names as a list that is cut where it is long."""
    return ", ".join(names) if len(names) <= most else f"{', '.join(names[:most])} and {len(names) - most} more"
