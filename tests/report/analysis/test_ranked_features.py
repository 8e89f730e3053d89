"""Hyperparameters by their effect, with corrected p-values."""

import numpy as np
from hyperopt import hp

from metaopt.report.analysis import StudyData, marginal_effect
from metaopt.report.analysis.ranked_features import rank_features
from tests.report.making import make_record, study_of

SPACE = {"rate": hp.loguniform("learning_rate", -9, -2), "pool": hp.choice("pool", ["max", "avg", "conv"])}


def test_features_are_ranked_by_their_effect(study: StudyData) -> None:
    ranked = rank_features(study, SPACE)
    assert len(ranked.records) == len(ranked.losses) == 37
    assert ranked.constant == ["seed_size"]
    shares = [effect.share for _, effect in ranked.features if not np.isnan(effect.share)]
    assert shares == sorted(shares, reverse=True)
    by_name = {feature.name: feature for feature, _ in ranked.features}
    assert by_name["rate"].is_logarithmic


def test_effects_of_many_random_hyperparameters_are_corrected() -> None:
    rng = np.random.default_rng(3)
    records = [make_record(trial, point={f"x{i}": rng.random() for i in range(60)}) for trial in range(40)]
    ranked = rank_features(study_of(records), None)
    raw = [marginal_effect(feature, ranked.losses) for feature, _ in ranked.features]
    assert sum(effect.is_significant for effect in raw) >= 2
    assert not any(effect.is_significant for _, effect in ranked.features)
