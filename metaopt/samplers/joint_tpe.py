"""The sampler of BOHB: a density of the good trials and one of the rest, over all parameters together, of one budget.

Falkner, Klein, Hutter: BOHB: Robust and Efficient Hyperparameter Optimization at Scale, ICML 2018, arXiv:1807.01774.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metaopt.samplers._base import History, Sampler, untried
from metaopt.samplers._density import Density, Encoded
from metaopt.spaces import Vals

# A space of fifty parameters would wait for fifty full trainings before their model is used; kernels whose widths are
# not estimated need no more trials than parameters.
_MOST_PARAMETERS = 7


@dataclass(frozen=True)
class JointTPE(Sampler):
    """Of some draws from the density of the good trials the one that is likelier there than among the rest.

    The model is that of the largest budget at which N_min + 2 trials stand (algorithm 2 of the paper); losses at other
    budgets are not looked at. N_min is d + 1 for d parameters, as in the paper, but at most 8. At first, and for a
    share of the proposals always, the prior is drawn from.

    Two things are not the paper's. The prior has a weight in both densities (as in TPE; see ``Density`` for their
    kernels), so that no part of the space is ever ruled out. And a draw that was trained already, at whatever budget,
    is passed over while there are others, since the guard would refuse it: a small discrete space would else be
    searched by what is drawn when the model is given up.

    Trials that run count among the rest.

    Attributes:
        random_fraction: share of proposals from the prior although there is a model (ρ; 1/3 there).
        candidates: draws from the good trials' density (N_s, 64 in the authors' implementation).
        good: share of the trials that is good, but at least N_min of them (q; 15 % there).
        prior_weight: weight of the prior beside one trial.
    """

    random_fraction: float = 1 / 3
    candidates: int = 64
    good: float = 0.15
    prior_weight: float = 1.0

    def propose(self, n: int, history: History, running: Sequence[Vals], rng: np.random.Generator) -> Vals:  # noqa: ARG002
        """A draw from the prior, or the model's best; see ``Sampler.propose``."""
        space = history.space
        least = min(len(space.parameters), _MOST_PARAMETERS) + 1
        ranked = [one.vals for one in history.comparable(least + 2).ranked()]
        if not space.parameters or len(ranked) < least + 2 or rng.random() < self.random_fraction:
            return space.draw(rng)

        trials = Encoded.of(space, [*ranked, *running])
        count = max(least, math.ceil(self.good * len(ranked)))
        good = Density(space, trials[:count], self.prior_weight)
        rest = Density(space, trials[count:], self.prior_weight)
        draws = untried([space.decode(places) for places in good.draw(self.candidates, rng)], history, running)
        encoded = Encoded.of(space, draws)
        vals = draws[int(np.argmax(good.log(encoded) - rest.log(encoded)))]
        vals.model_based = True
        return vals
