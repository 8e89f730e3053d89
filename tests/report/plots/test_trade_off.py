"""Trade-offs: the Pareto front by brute force, which panels there are, and what they show."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from metaopt.report.analysis import StudyData
from metaopt.report.plots.series import Series
from metaopt.report.plots.trade_off import find_trade_offs, pareto_front, trade_off_figure
from metaopt.trials.constraints import parse_constraints
from metaopt.trials.record import Record
from tests.report.making import make_failure, make_record, study_of
from tests.report.plots.conftest import legend, texts

PATH = Path("unwritten.png")
LIMITS = ("params<=1e6", "val_precision>=0.5")


def measured(trial: int, **changes) -> Record:
    """A record with everything that can be traded off."""
    rng = np.random.default_rng(trial)
    accuracy, params = float(rng.uniform(0.4, 0.9)), int(10 ** rng.uniform(4, 7))
    history = {"val_accuracy": [accuracy], "val_precision": [accuracy - float(rng.uniform(0, 0.2))]}
    known = {"history": history, "counts": {"params": params, "macs": 30 * params}, "constraints": LIMITS}
    return make_record(trial, **{**known, **changes})


def series_of(records: list[Record], label: str = "", **settings) -> Series:
    return Series(label, [study_of(records, **{"constraints": LIMITS, **settings})])


MADE = [measured(trial) for trial in range(60)]


def names(records: list[Record]) -> list[tuple[str, str]]:
    return [(horizontal.name, vertical.name) for horizontal, vertical in find_trade_offs([series_of(records)])]


@pytest.mark.parametrize("seed", range(20))
def test_front_is_dominated_by_no_point(seed: int) -> None:
    x, y = np.random.default_rng(seed).integers(0, 12, size=(2, 40)).astype(float)
    front = pareto_front(x, y)
    for i in range(40):
        better = (x <= x[i]) & (y <= y[i]) & ((x < x[i]) | (y < y[i]))
        on_front = any(x[j] == x[i] and y[j] == y[i] for j in front)
        assert on_front == (not better.any())
    assert np.all(np.diff(x[front]) > 0)
    assert np.all(np.diff(y[front]) < 0)


def test_front_of_no_points_is_empty() -> None:
    assert len(pareto_front(np.zeros(0), np.zeros(0))) == 0


def test_panels_where_trials_differ() -> None:
    assert names(MADE) == [("params", "val_accuracy"), ("macs", "val_accuracy"), ("val_accuracy", "val_precision")]
    without_macs = [measured(trial, counts={"params": 10 + trial}) for trial in range(9)]
    assert names(without_macs)[1] == ("val_accuracy", "val_precision")
    accuracy_only = [make_record(trial, history={"val_accuracy": [0.1 * trial]}, counts={}) for trial in range(9)]
    assert names(accuracy_only) == []
    assert names(MADE[:1]) == names([make_failure(0), make_failure(1)]) == names([]) == []


def test_legend_and_front_of_a_study(figures: list[Figure]) -> None:
    trade_off_figure([series_of(MADE)], PATH)
    (figure,) = figures
    assert legend(figure) == ["trial", "infeasible", "Pareto front", "best"]
    assert "hollow: infeasible" in texts(figure)
    dots, hollow, _ = figure.axes[0].collections
    n_feasible = sum(record.is_feasible for record in MADE)
    assert (len(dots.get_offsets()), len(hollow.get_offsets())) == (n_feasible, 60 - n_feasible)
    assert [text.get_text() for text in figure.axes[0].texts] == ["params ≤ 1 M"]


def test_several_strategies_share_the_panels(figures: list[Figure]) -> None:
    trade_off_figure([series_of(MADE[:30], "tpe"), series_of(MADE[30:], "random")], PATH)
    assert legend(figures[0]) == ["tpe", "random"]
    assert "Colour: strategy." in texts(figures[0])


def test_distant_bound_is_not_drawn(figures: list[Figure]) -> None:
    far = study_of([measured(trial, constraints=("params<=1e12",)) for trial in range(9)], constraints=["params<=1e12"])
    trade_off_figure([Series("", [far])], PATH)
    assert not figures[0].axes[0].texts


@pytest.mark.parametrize("objective", ["val_accuracy", "val_precision"])
def test_objective_is_the_studys(objective: str, figures: list[Figure]) -> None:
    records = [measured(trial, objective=objective) for trial in range(9)]
    trade_off_figure([series_of(records, objective=objective)], PATH)
    assert "accuracy" in figures[0].axes[0].get_ylabel() or objective == "val_precision"


def test_infeasible_study_has_no_front(figures: list[Figure], study: StudyData) -> None:
    tight = replace(study, constraints=parse_constraints(["params<=5"]))
    records = [make_record(trial, constraints=["params<=5"]) for trial in range(9)]
    trade_off_figure([Series("", [tight.of_records(records)])], PATH)
    assert legend(figures[0]) == ["trial", "infeasible"]
