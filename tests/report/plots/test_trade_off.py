"""The Pareto front by brute force, which panels there are, and limits that are drawn or left out."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from metaopt.report.analysis.scores import limits_of
from metaopt.report.plots.constraints import draw_limits
from metaopt.report.plots.series import Series
from metaopt.report.plots.trade_off import pareto_front, trade_off_figure, trade_offs
from metaopt.trials.constraints import parse_constraints
from tests.report.making import Record, make_failure, make_record
from tests.report.plots.quick import some_quick


def measured(trial: int, **changes) -> Record:
    """A record with everything that can be traded off, under a limit on parameters and one on precision."""
    rng = np.random.default_rng(trial)
    accuracy, params = float(rng.uniform(0.4, 0.9)), int(10 ** rng.uniform(4, 7))
    precision = accuracy - float(rng.uniform(0, 0.2))
    return make_record(
        trial,
        loss=-accuracy,
        params=params,
        macs=30 * params,
        scores={"best": {"val_accuracy": accuracy, "val_precision": precision}},
        constraints={"params<=1e+06": params - 1e6, "val_precision>=0.5": 0.5 - precision},
        feasible=params <= 1e6 and precision >= 0.5,
        **changes,
    )


MADE = [measured(trial) for trial in range(60)]


def names(records: list[Record]) -> list[tuple[str, str]]:
    return [(horizontal.name, vertical.name) for horizontal, vertical in trade_offs(records)]


@pytest.mark.parametrize("seed", range(20))
def test_no_point_betters_the_front_and_the_front_betters_every_other(seed: int) -> None:
    x, y = np.random.default_rng(seed).integers(0, 12, size=(2, 40)).astype(float)
    front = pareto_front(x, y)
    for i in range(40):
        better = (x <= x[i]) & (y <= y[i]) & ((x < x[i]) | (y < y[i]))
        on_front = any(x[j] == x[i] and y[j] == y[i] for j in front)
        assert on_front == (not better.any())
    assert np.all(np.diff(x[front]) > 0)
    assert np.all(np.diff(y[front]) < 0)


def test_the_front_of_no_points_is_empty() -> None:
    assert len(pareto_front(np.zeros(0), np.zeros(0))) == 0


def test_panels_are_there_only_where_trials_differ() -> None:
    assert names(MADE) == [("params", "val_accuracy"), ("macs", "val_accuracy"), ("val_accuracy", "val_precision")]
    assert names([record | {"macs": None} for record in MADE])[1] == ("val_accuracy", "val_precision")
    assert names([record | {"params": 5, "macs": None, "scores": {}} for record in MADE]) == []
    assert names(MADE[:1]) == []
    assert names([make_failure(0), make_failure(1)]) == []
    assert names([]) == []


def test_limits_are_read_from_the_records() -> None:
    assert [str(limit) for limit in limits_of([*MADE, make_failure(0)])] == ["params<=1e+06", "val_precision>=0.5"]
    assert limits_of([measured(0) | {"constraints": {"of another version": 1.0}}]) == []


def test_a_limit_is_drawn_where_it_falls_into_the_panel() -> None:
    axes = Figure().add_subplot()
    axes.set(xlim=(1e4, 1e6), ylim=(0, 1))
    limits = parse_constraints(["params<=1e5", "params<=1e9", "val_accuracy>=0.5", "macs<=5e4"])
    draw_limits(axes, limits, x="params", y="val_accuracy")
    assert [text.get_text() for text in axes.texts] == ["params ≤ 100 k", "val_accuracy ≥ 0.5"]


STUDIES = {
    "sixty trials": MADE,
    "two": MADE[:2],
    "none keeps the limits": [record | {"feasible": False} for record in MADE],
    "a loss": [record | {"objective": "val_loss", "loss": 1 + record["loss"]} for record in MADE],
    "imported": [record | {"imported": True} for record in MADE[:9]] + MADE[9:],
    "some without counts": [record | {"params": None, "macs": None} for record in MADE[:9]] + MADE[9:],
    "a limit far away": [record | {"constraints": {"params<=1e+12": -1.0}, "feasible": True} for record in MADE],
}


@pytest.mark.parametrize("name", some_quick(STUDIES))
def test_any_study_is_drawn(name: str, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trade_off_figure([Series("", [STUDIES[name]])], tmp_path / "x.png")
    assert len(np.unique(imread(tmp_path / "x.png"), axis=0)) > 100


@pytest.mark.slow
def test_strategies_are_drawn_over_each_other(tmp_path: Path) -> None:
    trade_off_figure([Series("tpe", [MADE[:30]]), Series("random", [MADE[30:45], MADE[45:]])], tmp_path / "x.png")
    assert len(np.unique(imread(tmp_path / "x.png"), axis=0)) > 100
