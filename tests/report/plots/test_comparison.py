"""Figures of a comparison: best-so-far curves on a common grid, and test scores."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from metaopt.report.analysis import StudyData
from metaopt.report.plots.comparison import best_so_far_figure, evaluation_figure, on_common_grid
from metaopt.report.plots.series import Series
from tests.report.making import make_failure, make_record, study_of
from tests.report.plots.conftest import is_message, legend, texts

PATH = Path("unwritten.png")


def run(trials: int, seed: int, **changes) -> StudyData:
    records = [make_record(100 * seed + trial, clock=10.0 * (trial + 1), **changes) for trial in range(trials)]
    return study_of(records, objective=changes.get("objective", "val_accuracy"))


def test_steps_of_several_runs_on_one_grid() -> None:
    at = [np.array([1.0, 3.0, 5.0]), np.array([2.0, 4.0, 6.0])]
    values = [np.array([0.1, 0.2, 0.3]), np.array([np.nan, 0.5, 0.6])]
    grid, steps = on_common_grid(at, values)
    # From 4 on both have a value, and at 5 the first run ends.
    assert grid.tolist() == [4, 5]
    assert steps.tolist() == [[0.2, 0.3], [0.5, 0.5]]


def test_grid_of_an_empty_run_is_empty() -> None:
    grid, steps = on_common_grid([np.array([1.0]), np.zeros(0)], [np.array([0.1]), np.zeros(0)])
    assert (len(grid), len(steps)) == (0, 0)
    assert on_common_grid([], [])[0].size == 0


def test_grid_of_a_run_without_values_is_empty() -> None:
    unknown = np.array([np.nan, np.nan])
    grid, _ = on_common_grid([np.array([1.0, 2.0])] * 2, [np.array([0.1, 0.2]), unknown])
    assert len(grid) == 0


def test_median_and_band_over_seeds(figures: list[Figure]) -> None:
    series = [Series("tpe", [run(12, seed) for seed in range(3)]), Series("random", [run(9, seed) for seed in (4, 5)])]
    best_so_far_figure(series, PATH)
    (figure,) = figures
    assert legend(figure) == ["tpe (3 seeds)", "random (2 seeds)"]
    assert [len(axes.collections) for axes in figure.axes] == [2, 2, 2]
    labels = ["trials", "search time (seconds)", "epochs trained, of all trials"]
    assert [axes.get_xlabel() for axes in figure.axes] == labels
    assert "median over seeds" in texts(figure)


@pytest.mark.parametrize(
    "series",
    [
        [Series("tpe", [run(12, 0)]), Series("random", [run(9, 1, constraints=["params<=5"])])],
        [Series("tpe", [run(5, 0, constraints=["params<=5"])]), Series("random", [study_of([])])],
        [Series("tpe", [run(1, 0)]), Series("random", [run(1, 1)])],
        [Series("tpe", [run(5, 0, objective="val_loss")])],
    ],
    ids=["one infeasible", "all infeasible", "one trial", "loss"],
)
def test_single_runs_have_no_band(series: list[Series], figures: list[Figure]) -> None:
    best_so_far_figure(series, PATH)
    assert legend(figures[0]) == [each.label for each in series]
    assert not figures[0].axes[0].collections
    assert "One seed each" in texts(figures[0])


def test_equal_curves_are_named_and_dashed(figures: list[Figure]) -> None:
    series = [Series("asha", [run(12, 0)]), Series("gp-asha", [run(12, 0)]), Series("tpe", [run(12, 1)])]
    best_so_far_figure(series, PATH)
    (figure,) = figures
    assert "Equal curves: asha, gp-asha." in texts(figure)
    assert legend(figure) == ["asha", "gp-asha", "tpe"]
    solid, dashed, *_ = figure.axes[0].lines
    assert np.array_equal(solid.get_ydata(), dashed.get_ydata())
    assert (solid.is_dashed(), dashed.is_dashed()) == (False, True)
    best_so_far_figure(series[1:], PATH)
    assert "Equal" not in texts(figures[1])


def test_losses_of_a_comparison_are_logarithmic(figures: list[Figure]) -> None:
    best_so_far_figure([Series("tpe", [run(5, 0, objective="val_loss")])], PATH)
    evaluation_figure([row("a")], PATH)
    assert figures[0].axes[0].get_yscale() == "log"
    assert [axes.get_xscale() for axes in figures[1].axes] == ["linear", "log"]


@pytest.mark.parametrize("failed", [[[], []], [[make_failure(0)], [make_failure(1)]]], ids=["none", "failed"])
def test_no_success_gives_a_message(failed: list, figures: list[Figure]) -> None:
    best_so_far_figure([Series(str(i), [study_of(records)]) for i, records in enumerate(failed)], PATH)
    assert is_message(figures[0])


def row(name: str, *, means: bool = False, test: bool = True) -> dict:
    score = {"value": 0.9, "low": 0.88, "high": 0.92}
    scores = {"test_accuracy": score, "test_loss": score}
    tested = {"scores": scores, "means": {"test_accuracy": score} if means else {}}
    return {"study": name, "group": "tpe", "test": tested if test else None}


def test_test_scores_with_means(figures: list[Figure]) -> None:
    evaluation_figure([row("a", means=True), row("b"), row("c", test=False)], PATH)
    (figure,) = figures
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["accuracy", "cross-entropy"]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["a (tpe)", "b (tpe)"]
    assert [len(axes.lines) for axes in figure.axes] == [3, 2]
    assert "Diamonds: means over seeds" in texts(figure)


def test_no_retrained_model_gives_a_message(figures: list[Figure]) -> None:
    evaluation_figure([row("a", test=False)], PATH)
    assert is_message(figures[0])
