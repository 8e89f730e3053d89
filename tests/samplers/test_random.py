"""Random search."""

import numpy as np

from metaopt.samplers import History, Random
from metaopt.spaces import compile_space
from tests.samplers.histories import make_history
from tests.spaces.examples import nested


def test_proposals_are_prior_draws_for_any_history() -> None:
    space = compile_space(nested())
    for history in (History(space), make_history(space, 50)):
        vals = Random().propose(50, history, (), np.random.default_rng(1))
        assert vals == space.draw(np.random.default_rng(1))
        assert not vals.model_based
