"""Population figure: the moving mean, and the trials that belong to a population."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from metaopt.report.plots.population import has_population, moving_mean, population_figure, window_size
from metaopt.report.plots.series import Series
from metaopt.trials.record import Record
from tests.report.making import make_failure, make_paused, make_record, study_of
from tests.report.plots.conftest import legend, texts

PATH = Path("unwritten.png")
LOSS = {"loss": [1.0, 0.5]}


def evolved(trials: int, seed: int = 0) -> list[Record]:
    """Trials of which all but the first three have a parent, and one failed."""
    made = [make_record(1000 * seed + trial, parent=1 if trial >= 3 else None) for trial in range(trials)]
    made[4] = make_failure(1000 * seed + 4)
    return made


def series_of(*runs: list[Record], label: str = "", **settings) -> Series:
    return Series(label, [study_of(run, **settings) for run in runs])


def test_moving_mean() -> None:
    assert moving_mean(np.array([1.0, 2.0, 6.0, 4.0]), 2) == pytest.approx([1.5, 4.0, 5.0])
    assert len(moving_mean(np.array([1.0, 2.0]), 3)) == 0


def test_window_is_a_tenth_within_bounds() -> None:
    assert [window_size(trials) for trials in (0, 30, 200, 5000)] == [5, 5, 20, 50]


def test_population_needs_parents_and_enough_trials() -> None:
    orphans = [make_record(trial) for trial in range(40)]
    assert has_population([series_of(evolved(40))])
    assert has_population([series_of(orphans, label="tpe"), series_of(evolved(40), label="evolution")])
    assert not has_population([series_of(orphans)])
    assert not has_population([series_of(evolved(5))])
    assert not has_population([series_of([make_record(t, parent=1, history=LOSS, objective="loss") for t in range(9)])])
    assert not has_population([series_of([])])


def test_mean_and_trials_of_a_study(figures: list[Figure]) -> None:
    constraints = ["val_precision>=0.65"]
    population_figure([series_of(evolved(40), constraints=constraints)], PATH)
    (figure,) = figures
    assert [axes.get_ylabel() for axes in figure.axes] == ["validation accuracy", "validation precision (macro)"]
    assert legend(figure) == ["trial", "mean of the last 5"]
    assert "Mean of the last 5 trials by number, at their best epochs." in texts(figure)
    assert [text.get_text() for text in figure.axes[1].texts] == ["val_precision ≥ 0.65"]


def test_mean_over_seeds_has_the_shortest_length(figures: list[Figure]) -> None:
    series = [series_of(evolved(40), evolved(30, 1), label="evolution"), series_of(evolved(25, 2), label="random")]
    population_figure(series, PATH)
    (figure,) = figures
    assert legend(figure) == ["evolution", "random"]
    assert len(figure.axes[0].lines[0].get_xdata()) == 29 - 5 + 1
    assert "averaged over seeds" in texts(figure)


def test_paused_trials_do_not_belong_to_it(figures: list[Figure]) -> None:
    records = [make_paused(t, 3) if t % 3 else make_record(t, parent=1) for t in range(40)]
    population_figure([series_of(records)], PATH)
    assert len(figures[0].axes[0].collections[0].get_offsets()) == 14


def test_metric_that_no_trial_has_is_left_out(figures: list[Figure]) -> None:
    records = [make_record(t, parent=1, history={"val_accuracy": [0.1 + 0.01 * t]}) for t in range(40)]
    population_figure([series_of(records)], PATH)
    assert len(figures[0].axes) == 1
