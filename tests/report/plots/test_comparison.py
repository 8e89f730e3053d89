"""Best-so-far curves on a common grid, and pictures of every kind of comparison without a warning."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from metaopt.report.plots.comparison import best_so_far_figure, final_scores_figure, on_common_grid
from metaopt.report.plots.series import Series, look
from tests.report.making import Record, make_failure, make_record
from tests.report.plots.quick import some_quick


def ink(path: Path) -> int:
    return len(np.unique(imread(path), axis=0))


def run(trials: int, seed: int, **changes) -> list[Record]:
    return [make_record(100 * seed + trial, **changes) | {"ended": 10.0 * (trial + 1)} for trial in range(trials)]


def test_steps_of_several_runs_meet_on_one_grid() -> None:
    places = [np.array([1.0, 3.0, 5.0]), np.array([2.0, 4.0, 6.0])]
    values = [np.array([0.1, 0.2, 0.3]), np.array([np.nan, 0.5, 0.6])]
    grid, steps = on_common_grid(places, values)
    # From 4 on both have a value, and at 5 the first run ends.
    assert grid.tolist() == [4, 5]
    assert steps.tolist() == [[0.2, 0.3], [0.5, 0.5]]


def test_a_run_without_trials_leaves_nothing_to_draw() -> None:
    grid, steps = on_common_grid([np.array([1.0]), np.zeros(0)], [np.array([0.1]), np.zeros(0)])
    assert (len(grid), len(steps)) == (0, 0)
    assert on_common_grid([], [])[0].size == 0


def test_a_run_that_never_keeps_the_limits_leaves_nothing_to_draw() -> None:
    nothing = np.array([np.nan, np.nan])
    grid, _ = on_common_grid([np.array([1.0, 2.0])] * 2, [np.array([0.1, 0.2]), nothing])
    assert len(grid) == 0


def test_colours_and_dashes_tell_many_strategies_apart() -> None:
    assert len({tuple(map(str, look(index).values())) for index in range(20)}) == 20


SERIES = {
    "bands": [Series("tpe", [run(12, seed) for seed in range(3)]), Series("random", [run(9, seed) for seed in (4, 5)])],
    "one seed each": [Series("tpe", [run(12, 0)]), Series("random", [run(9, 1)])],
    "one trial": [Series("tpe", [run(1, 0)]), Series("random", [run(1, 1)])],
    "one never keeps the limits": [Series("tpe", [run(12, 0)]), Series("random", [run(9, 1, feasible=False)])],
    "none keeps the limits": [Series("tpe", [run(5, 0, feasible=False)]), Series("random", [[]])],
    "a loss": [Series("tpe", [run(5, 0, objective="val_loss", loss=2.5)])],
    "no clock": [Series("tpe", [[record | {"ended": None} for record in run(5, 0)]])],
    "all failed": [Series("tpe", [[make_failure(0)]]), Series("random", [[make_failure(1)]])],
    "nothing": [Series("tpe", [[]]), Series("random", [[]])],
}


@pytest.mark.parametrize("name", some_quick(SERIES))
def test_best_so_far_is_drawn(name: str, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        best_so_far_figure(SERIES[name], tmp_path / "x.png")
    assert ink(tmp_path / "x.png") > 10


def study(name: str, *, means: bool = False, test: bool = True) -> dict:
    score = {"value": 0.9, "low": 0.88, "high": 0.92}
    scores = {"test_accuracy": score, "test_loss": score}
    tested = {"scores": scores, "means": {"test_accuracy": score} if means else {}}
    return {"study": name, "group": "tpe", "test": tested if test else None}


@pytest.mark.parametrize(
    "studies", [[study("a", means=True), study("b")], [study("a"), study("b", test=False)], [study("a", test=False)]]
)
def test_final_scores_are_drawn(studies: list[dict], tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        final_scores_figure(studies, tmp_path / "x.png")
    assert ink(tmp_path / "x.png") > 10
