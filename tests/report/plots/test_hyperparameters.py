"""Hyperparameters against the objective: their order, logarithmic axes, and marks by kind."""

from pathlib import Path

import numpy as np
from hyperopt import hp
from matplotlib.figure import Figure

from metaopt.report.analysis import StudyData
from metaopt.report.plots.hyperparameters import rank_features, scatter_matrix, scatter_trials, truncation_text
from tests.report.making import make_record, study_of
from tests.report.plots.conftest import is_message, texts

PATH = Path("unwritten.png")
SPACE = {"rate": hp.loguniform("learning_rate", -9, -2), "pool": hp.choice("pool", ["max", "avg", "conv"])}


def test_features_are_ranked_by_their_effect(study: StudyData) -> None:
    ranked = rank_features(study, SPACE)
    assert len(ranked.records) == len(ranked.losses) == 37
    assert ranked.constant == ["seed_size"]
    shares = [effect.share for _, effect in ranked.features if not np.isnan(effect.share)]
    assert shares == sorted(shares, reverse=True)
    by_name = {feature.name: feature for feature, _ in ranked.features}
    assert by_name["rate"].is_logarithmic
    assert not rank_features(study, None).features[0][0].is_logarithmic


def test_one_panel_for_each_hyperparameter(study: StudyData, figures: list[Figure]) -> None:
    scatter_matrix(study, PATH, SPACE)
    (figure,) = figures
    names = {axes.get_title(loc="left") for axes in figure.axes}
    assert names >= {"rate", "pool", "use_BN", "extra", "block.kind", "block.units"}
    assert "Constant: seed_size." in texts(figure).replace("\n", " ")


def test_title_names_the_truncation() -> None:
    assert truncation_text(None, 5) == ""
    assert truncation_text(3, 5) == " after 3 epochs, 5 trials"
    assert truncation_text(1, 5) == " after 1 epoch, 5 trials"


def test_equal_hyperparameters_give_a_message(figures: list[Figure]) -> None:
    scatter_matrix(study_of(make_record(trial, point={"x": 1}) for trial in range(3)), PATH)
    assert is_message(figures[0])


def test_marks_by_kind() -> None:
    limits = ["params<=1e6"]
    records = [
        make_record(0, constraints=limits),
        make_record(1, constraints=limits, imported=True),
        make_record(2, constraints=limits, counts={"params": 2_000_000}),
    ]
    axes = Figure().add_subplot()
    scatter_trials(axes, np.arange(3.0), np.arange(3.0), records, np.arange(3.0))
    own, imported, infeasible, best = (np.asarray(marks.get_offsets())[:, 0].tolist() for marks in axes.collections)
    assert (own, imported, infeasible, best) == ([0], [1], [2], [0])
