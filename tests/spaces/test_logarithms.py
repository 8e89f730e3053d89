"""Questions on the bounds of loguniform hyperparameters."""

from math import log

import pytest
from hyperopt import hp

from metaopt.problems import list_ready_problems, load_problem
from metaopt.spaces import compile_space
from metaopt.spaces.logarithms import logarithms_in_doubt


@pytest.mark.parametrize(
    ("label", "low", "high", "drawn"),
    [
        ("learning_rate", 1e-4, 1e-1, "from 1 to 1.105: its bounds 0.0001 and 0.1 are logarithms"),
        ("lr", -9, 0.5, "from 0.0001234 to 1.649"),
        ("weight", 0.001, 1, "from 1.001 to 2.718"),
        ("units", 16, 512, "from 8.886e+06 to 2.284e+222"),
    ],
)
def test_bounds_that_look_like_values_are_asked_about(label: str, low: float, high: float, drawn: str) -> None:
    [question] = logarithms_in_doubt(compile_space({"x": hp.loguniform(label, low, high)}))
    assert drawn in question
    assert (f"write log({low:g}) and log({high:g})" in question) == (low > 0)


@pytest.mark.parametrize(
    ("label", "low", "high"),
    [("learning_rate", log(1e-4), log(1)), ("lr_rate_mult", -0.5, 0.5), ("units", log(16), log(512)), ("x", 0.1, 0.6)],
)
def test_logarithms_are_not_asked_about(label: str, low: float, high: float) -> None:
    assert logarithms_in_doubt(compile_space({"x": hp.loguniform(label, low, high)})) == []


@pytest.mark.parametrize("name", list_ready_problems())
def test_ready_spaces_are_not_asked_about(name: str) -> None:
    assert logarithms_in_doubt(compile_space(load_problem(name).space)) == []
