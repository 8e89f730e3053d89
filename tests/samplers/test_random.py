import numpy as np

from metaopt.samplers import History, Random
from metaopt.spaces import compile_space
from tests.samplers.contract import a_history
from tests.spaces.examples import nested


def test_it_draws_from_the_prior_whatever_was_found() -> None:
    space = compile_space(nested())
    for history in (History(space), a_history(space, 50)):
        vals = Random().propose(50, history, (), np.random.default_rng(1))
        assert vals == space.draw(np.random.default_rng(1))
        assert not vals.model_based
