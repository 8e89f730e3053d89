"""The moving mean, and when there is a population to speak of."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from metaopt.report.plots.population import moving_mean, population_figure, shows_population, window_of
from metaopt.report.plots.series import Series
from tests.report.making import Record, make_failure
from tests.report.plots.quick import some_quick
from tests.report.plots.test_trade_off import measured


def evolved(trials: int, seed: int = 0) -> list[Record]:
    made = [measured(100 * seed + trial) | {"trial": trial} for trial in range(trials)]
    made[3:] = [record | {"parent": 1} for record in made[3:]]
    made[4] = make_failure(4)
    return made


def test_the_mean_of_the_latest() -> None:
    assert moving_mean(np.array([1.0, 2.0, 6.0, 4.0]), 2) == pytest.approx([1.5, 4.0, 5.0])
    assert len(moving_mean(np.array([1.0, 2.0]), 3)) == 0


def test_the_window_is_a_tenth_within_bounds() -> None:
    assert [window_of(trials) for trials in (0, 30, 200, 5000)] == [5, 5, 20, 50]


def test_only_descended_trials_in_some_number_are_a_population() -> None:
    assert shows_population([Series("", [evolved(40)])])
    assert shows_population([Series("tpe", [[measured(t) for t in range(40)]]), Series("evolution", [evolved(40)])])
    assert not shows_population([Series("", [[measured(trial) for trial in range(40)]])])
    assert not shows_population([Series("", [evolved(5)])])
    assert not shows_population([Series("", [[record | {"scores": {}} for record in evolved(40)]])])
    assert not shows_population([Series("", [[]])])


SERIES = {
    "one study": [Series("", [evolved(40)])],
    "seeds": [Series("evolution", [evolved(40), evolved(30, 1)]), Series("random", [evolved(25, 2)])],
    "one is too short": [Series("evolution", [evolved(40)]), Series("random", [evolved(5, 2)])],
    "few are fully trained": [
        Series("", [[record | {"complete": number % 14 == 0} for number, record in enumerate(evolved(143))]])
    ],
    "accuracy only": [
        Series("", [[record | {"scores": {"best": {"val_accuracy": 0.5}}} for record in evolved(40)]]),
    ],
}


@pytest.mark.parametrize("name", some_quick(SERIES))
def test_it_is_drawn(name: str, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        population_figure(SERIES[name], tmp_path / "x.png")
    assert len(np.unique(imread(tmp_path / "x.png"), axis=0)) > 50
