"""Annealing: proposals near good trials."""

import numpy as np
from hyperopt import hp

from metaopt.samplers import Anneal, History
from metaopt.spaces import compile_space
from tests.samplers.histories import make_history
from tests.samplers.observing import observe
from tests.spaces.examples import nested


def test_proposals_approach_good_trials_during_the_search() -> None:
    space = compile_space({"x": hp.uniform("x", 0, 1)})
    rng = np.random.default_rng(0)
    draws = [space.draw(rng) for _ in range(200)]
    observations = tuple(observe(n, vals, (vals["x"] - 0.7) ** 2) for n, vals in enumerate(draws))

    def distance(n: int) -> float:
        history = History(space, observations[:n])
        found = [Anneal().propose(n, history, (), np.random.default_rng(seed))["x"] for seed in range(40)]
        return float(np.median([abs(x - 0.7) for x in found]))

    assert distance(200) < distance(20) / 2


def test_proposals_are_model_based_once_there_are_trials() -> None:
    space = compile_space(nested())
    assert not Anneal().propose(0, History(space), (), np.random.default_rng(0)).model_based
    assert Anneal().propose(90, make_history(space, 30), (), np.random.default_rng(0)).model_based
