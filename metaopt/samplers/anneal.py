"""Annealing, implemented by hyperopt: draws near good trials, in a neighbourhood that shrinks during the search."""

from collections.abc import Sequence

import numpy as np
from hyperopt import anneal

from metaopt.samplers._base import History, Sampler
from metaopt.samplers._hyperopt import ask
from metaopt.spaces import Vals


class Anneal(Sampler):
    """Perturbs each parameter of a good trial, which is selected by a geometric distribution over the ranks.

    The width of the perturbation is that of the prior, divided by 1 + T/10 after T trials with this parameter.
    """

    def propose(self, n: int, history: History, running: Sequence[Vals], rng: np.random.Generator) -> Vals:  # noqa: ARG002
        """Draw from the prior if no trial has a loss, otherwise near a good trial; see ``Sampler.propose``."""
        ranked = history.ranked()
        if not ranked or not history.space.parameters:
            return history.space.draw(rng)

        vals = ask(anneal.suggest, history.space, [(one.trial, one.vals) for one in ranked], rng)
        vals.model_based = True
        return vals
