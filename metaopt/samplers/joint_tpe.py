"""Sampler of BOHB: TPE with joint densities over all parameters, for the trials of one budget.

Falkner, Klein, Hutter: BOHB: Robust and Efficient Hyperparameter Optimization at Scale, ICML 2018, arXiv:1807.01774.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metaopt.samplers._base import History, Sampler, untried
from metaopt.samplers._density import Density, Encoded
from metaopt.spaces import Vals

# A space with fifty parameters would need fifty full trainings before its model is used. The kernel bandwidths are not
# estimated from the trials, so fewer trials than parameters are sufficient.
_MOST_PARAMETERS = 7


@dataclass(frozen=True)
class JointTPE(Sampler):
    """Selects the draw from the density of good trials with the largest ratio to the density of other trials.

    The model uses the largest budget that N_min + 2 trials have reached (algorithm 2 of the paper); losses at other
    budgets are ignored. N_min is d + 1 for d parameters, as in the paper, but at most 8. Proposals are draws from the
    prior until there are enough trials, and with probability ``random_fraction`` afterwards.

    There are two differences from the paper. First, both densities include the prior with a weight (as in TPE; see
    ``Density`` for the kernels), so no part of the space is excluded. Second, draws that were already trained, at any
    budget, are skipped while there are others, because the guard would reject them as duplicates.

    Running trials count as bad trials.

    Attributes:
        random_fraction: fraction of proposals from the prior once there is a model (ρ; 1/3 in the paper).
        candidates: number of draws from the density of good trials (N_s; 64 in the authors' implementation).
        good: fraction of the trials that count as good, but at least N_min of them (q; 15 % in the paper).
        prior_weight: weight of the prior relative to one trial.
    """

    random_fraction: float = 1 / 3
    candidates: int = 64
    good: float = 0.15
    prior_weight: float = 1.0

    def propose(self, n: int, history: History, running: Sequence[Vals], rng: np.random.Generator) -> Vals:  # noqa: ARG002
        """Draw from the prior, or return the best candidate of the model; see ``Sampler.propose``."""
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
