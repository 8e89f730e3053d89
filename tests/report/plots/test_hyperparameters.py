"""Hyperparameters against the objective: logarithmic axes, and marks by kind."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hyperopt import hp
from matplotlib.figure import Figure

from metaopt.report.analysis import StudyData
from metaopt.report.plots.hyperparameters import pairs_figure, scatter_trials, truncation_text
from metaopt.report.plots.style import GREY, VERMILLION
from tests.report.making import make_record, study_of
from tests.report.plots.conftest import is_message, texts

PATH = Path("unwritten.png")
SPACE = {"rate": hp.loguniform("learning_rate", -9, -2), "pool": hp.choice("pool", ["max", "avg", "conv"])}


def test_one_panel_for_each_hyperparameter(study: StudyData, figures: list[Figure]) -> None:
    pairs_figure(study, PATH, SPACE)
    (figure,) = figures
    names = {axes.get_title(loc="left") for axes in figure.axes}
    assert names >= {"rate", "pool", "use_BN", "extra", "block.kind", "block.units"}
    assert "Constant: seed_size." in texts(figure).replace("\n", " ")


def test_fewer_than_twenty_trials_show_no_effects(figures: list[Figure]) -> None:
    for n in (19, 20):
        pairs_figure(study_of(make_record(trial) for trial in range(n)), PATH, SPACE)
    few, enough = figures
    assert "they need 20 trials that succeeded, 1 more than there are" in texts(few).replace("\n", " ")
    red = {VERMILLION, GREY}
    assert not any(line.get_color() in red and len(line.get_xdata()) > 2 for axes in few.axes for line in axes.lines)
    assert not any(axes.patches for axes in few.axes)
    assert any(axes.patches for axes in enough.axes)
    assert not any(axes.get_title(loc="right") for axes in few.axes)
    assert any(axes.get_title(loc="right") for axes in enough.axes)
    assert "p ≥ 0.05 after Holm's correction for 5 tests" in texts(enough).replace("\n", " ")


def test_conditional_hyperparameter_tells_how_many_are_missing(figures: list[Figure]) -> None:
    points = [{"x": trial / 30, "branch": {"y": trial**0.5} if trial % 3 == 0 else {}} for trial in range(30)]
    pairs_figure(study_of(make_record(trial, point=point) for trial, point in enumerate(points)), PATH)
    notes = [text.get_text() for axes in figures[0].axes for text in axes.texts]
    assert notes == ["active in 10 of 30, 10 too few"]


def test_unread_hyperparameters_are_left_out(study: StudyData, figures: list[Figure]) -> None:
    unread = frozenset({"learning_rate", "block", "absent"})
    pairs_figure(replace(study, unread=unread), PATH, SPACE)
    names = {axes.get_title(loc="left") for axes in figures[0].axes}
    assert names & {"rate", "pool", "block.kind", "block.units"} == {"pool"}
    assert "neither the network nor the training reads them: rate, block.kind, block.units." in texts(
        figures[0]
    ).replace("\n", " ")


def test_numbers_are_drawn_where_they_are(study: StudyData, figures: list[Figure]) -> None:
    pairs_figure(study, PATH, SPACE)
    by_name = {axes.get_title(loc="left"): axes for axes in figures[0].axes}
    units = [float(x) for marks in by_name["block.units"].collections for x, _ in np.asarray(marks.get_offsets())]
    assert {x for x in units if not np.isnan(x)} == {0.0, 1.0, 2.0, 3.0}


def test_long_names_are_cut_beside_their_effect(figures: list[Figure]) -> None:
    points = [{"group.of.the.learning_rate_after_warmup": trial / 30} for trial in range(30)]
    pairs_figure(study_of(make_record(trial, point=point) for trial, point in enumerate(points)), PATH)
    assert figures[0].axes[0].get_title(loc="left") == "group.of.th…fter_warmup"


@pytest.mark.slow
def test_at_most_sixty_panels(figures: list[Figure]) -> None:
    rng = np.random.default_rng(0)
    for n in (5, 25):
        made = [make_record(trial, point={f"x{i}": float(rng.random()) for i in range(70)}) for trial in range(n)]
        pairs_figure(study_of(made), PATH)
    few, enough = figures
    assert len(few.axes) == len(enough.axes) == 61  # with the colour bar
    assert "Drawn: the 60 first of 70 hyperparameters." in texts(few).replace("\n", " ")
    assert "Drawn: the 60 largest of 70 hyperparameters." in texts(enough).replace("\n", " ")


def test_equal_scores_are_said(figures: list[Figure]) -> None:
    pairs_figure(study_of(make_record(trial, score=0.5) for trial in range(25)), PATH)
    assert "All 25 trials have the same score." in texts(figures[0]).replace("\n", " ")


def test_losses_have_a_logarithmic_axis(figures: list[Figure]) -> None:
    losses = study_of((make_record(trial, objective="val_loss") for trial in range(6)), objective="val_loss")
    pairs_figure(losses, PATH, SPACE)
    assert figures[0].axes[0].get_yscale() == "log"


def test_title_names_the_truncation() -> None:
    assert truncation_text(None, 5) == ""
    assert truncation_text(3, 5) == " after 3 epochs, 5 trials"
    assert truncation_text(1, 5) == " after 1 epoch, 5 trials"


def test_equal_hyperparameters_give_a_message(figures: list[Figure]) -> None:
    pairs_figure(study_of(make_record(trial, point={"x": 1}) for trial in range(3)), PATH)
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


@pytest.mark.slow
def test_many_trials_are_small_and_in_random_order() -> None:
    records = [make_record(trial) for trial in range(2000)]
    axes = Figure().add_subplot()
    scatter_trials(axes, np.arange(2000.0), np.arange(2000.0), records, np.arange(2000.0), size=20)
    own = axes.collections[0]
    order = np.asarray(own.get_offsets())[:, 0]
    assert sorted(order) == list(range(2000))
    assert np.abs(np.corrcoef(order, np.arange(2000))[0, 1]) < 0.1
    assert own.get_sizes().tolist() == [10]
