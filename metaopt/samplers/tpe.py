"""Tree-structured Parzen estimator (TPE): selects what is frequent in good trials and rare in others.

Bergstra, Bardenet, Bengio, Kégl: Algorithms for Hyper-Parameter Optimization, NeurIPS 2011,
https://papers.nips.cc/paper/4443-algorithms-for-hyper-parameter-optimization; with joint densities: Falkner, Klein,
Hutter: BOHB: Robust and Efficient Hyperparameter Optimization at Scale, ICML 2018, arXiv:1807.01774.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metaopt.samplers._base import History, Sampler
from metaopt.samplers._joint import get_joint_model
from metaopt.samplers._univariate import get_univariate_model
from metaopt.spaces import Vals

_MOST_GOOD = 25  # of the univariate model, as in hyperopt
# A space with fifty parameters would need fifty full trainings before its model is used. The kernel bandwidths are not
# estimated from the trials, so fewer trials than parameters are sufficient.
_MOST_PARAMETERS = 7


@dataclass(frozen=True)
class TPE(Sampler):
    startup: int = 20
    joint_fraction: float = 0.5
    random_fraction: float = 0.0
    candidates: int = 24
    joint_candidates: int = 64
    gamma: float = 0.25
    good: float = 0.15
    prior_weight: float = 1.0
    stack: bool = False

    def propose(self, n: int, history: History, running: Sequence[Vals], rng: np.random.Generator) -> Vals:  # noqa: ARG002
        """Draw from the prior before ``startup``, afterwards from a model; see ``Sampler.propose``."""
        space = history.space
        startup = max(1, self.startup)
        if not space.parameters or len(history.observations) < startup:
            return space.draw(rng)
        is_joint = rng.random() < self.joint_fraction
        model = get_joint_model(space) if is_joint else get_univariate_model(space)
        least = min(len(space.parameters), _MOST_PARAMETERS) + 1
        trials = model.table.rank(history, running, min(startup, least + 2), self.stack)
        if trials.n_known < startup or rng.random() < self.random_fraction:
            return space.draw(rng)
        if is_joint:
            n_good = max(least, math.ceil(self.good * len(trials.rows)))
            vals = model.propose(trials, n_good, rng, self.joint_candidates, self.prior_weight)
        else:
            n_good = min(math.ceil(self.gamma * math.sqrt(len(trials.rows) + len(running))), _MOST_GOOD)
            vals = model.propose(trials, n_good, rng, self.candidates, self.prior_weight)
        vals.model_based = True
        return vals
