"""Annealing, hyperopt's own: draws around good trials, in a neighbourhood that shrinks with the number of trials."""

from collections.abc import Sequence

import numpy as np
from hyperopt import anneal

from metaopt.samplers._base import History, Sampler
from metaopt.samplers._hyperopt import ask
from metaopt.spaces import Vals


class Anneal(Sampler):
    """A trial among the best, picked from a geometric distribution, is varied parameter by parameter.

    The width of the variation is the prior's, divided by 1 + T/10 after T trials that had the parameter.
    """

    def propose(self, n: int, history: History, running: Sequence[Vals], rng: np.random.Generator) -> Vals:  # noqa: ARG002
        """A draw from the prior while nothing is known, else near a good trial; see ``Sampler.propose``."""
        ranked = history.ranked()
        if not ranked or not history.space.parameters:
            return history.space.draw(rng)

        vals = ask(anneal.suggest, history.space, [(one.trial, one.vals) for one in ranked], rng)
        vals.model_based = True
        return vals
