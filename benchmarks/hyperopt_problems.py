"""Test problems of hyperopt, of its ``hyperopt/tests/unit/test_domains.py``."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hyperopt import hp


@dataclass(frozen=True)
class TestProblem:
    """A test problem.

    Attributes:
        space: a hyperopt expression.
        loss: loss of a point, without noise.
        noise: standard deviation of normal noise that the search sees in addition.
    """

    space: Any
    loss: Callable[[Any], float]
    noise: float = 0.0


def branin(point: dict[str, float]) -> float:
    """Branin's function: three minima of 0.398."""
    x, y = point["x"], point["y"]
    valley = y - 5.1 / (4 * np.pi**2) * x**2 + 5 * x / np.pi - 6
    return valley**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x) + 10


def gauss_wave2(point: dict[str, Any]) -> float:
    """A broad bump, on which an optional wave has a narrower and higher one."""
    wave = 0.0 if point["hf"] is None else np.sin(point["x"]) * point["hf"]
    return -(2 * np.exp(-((point["x"] / 5) ** 2)) + wave)


# The noise of the hyperopt versions comes from one generator for all searches; here it depends on the seed.
PROBLEMS = {
    "quadratic1": TestProblem(hp.uniform("x", -5, 5), lambda x: (x - 3) ** 2),
    "q1_lognormal": TestProblem(hp.lognormal("x", 0, 2), lambda x: min(0.1 * (x - 10) ** 2, 10)),
    "q1_choice": TestProblem(
        hp.choice("o_x", [(-3, hp.uniform("x_neg", -5, 5)), (3, hp.uniform("x_pos", -5, 5))]),
        lambda pair: (pair[0] - pair[1]) ** 2,
    ),
    "n_arms": TestProblem(hp.choice("x", [0, 1]), lambda arm: -1.0 if arm == 0 else 0.0, noise=1.0),
    "distractor": TestProblem(hp.uniform("x", -15, 15), lambda x: -1 / (1 + np.exp(-x)) - 2 * np.exp(-((x + 10) ** 2))),
    "gauss_wave": TestProblem(
        {"x": hp.uniform("x", -20, 20), "shift": hp.choice("curve", [0.0, np.pi])},
        lambda point: -np.sin(point["x"] + point["shift"]) - 2 * np.exp(-(((point["x"] + point["shift"]) / 5) ** 2)),
    ),
    "gauss_wave2": TestProblem(
        {"x": hp.uniform("x", -20, 20), "hf": hp.choice("hf", [None, hp.uniform("amp", 0, 1)])}, gauss_wave2, noise=0.1
    ),
    "many_dists": TestProblem(
        [
            hp.choice("a", [0, 1, 2]),
            hp.randint("b", 10),
            hp.randint("bb", 12, 25),
            hp.uniform("c", 4, 7),
            hp.loguniform("d", -2, 0),
            hp.quniform("e", 0, 10, 3),
            hp.qloguniform("f", 0, 3, 2),
            hp.normal("g", 4, 7),
            hp.lognormal("h", -2, 2),
            hp.qnormal("i", 0, 10, 2),
            hp.qlognormal("j", 0, 2, 1),
            hp.pchoice("k", [(0.1, 0), (0.9, 1)]),
        ],
        lambda numbers: float(np.log(1e-12 + sum(numbers) ** 2)),
    ),
    "branin": TestProblem({"x": hp.uniform("x", -5.0, 10.0), "y": hp.uniform("y", 0.0, 15.0)}, branin),
}
