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
    """Selects the candidate with the largest ratio of the densities of good and of other trials.

    The univariate model is that of hyperopt: each parameter has its own densities and candidates, and is selected on
    its own. The joint model is that of BOHB: the density is a mixture of trials over all active parameters. Only the
    order of losses counts. Infeasible trials rank behind feasible ones, by their violation. Running trials count as bad
    trials (a pessimistic "constant liar"), so that parallel workers do not evaluate the same values.

    If trials were paused or stopped at rungs, the model uses the losses at the largest budget that N_min + 2 trials
    have reached (algorithm 2 of the BOHB paper). N_min is d + 1 for d parameters, as in the paper, but at most 8.
    Trials that were not promoted to this budget count as bad trials; BOHB ignores them.

    Under several objectives, the good trials are the first fronts, and those of the last one that add the most
    hypervolume, as of MOTPE (Ozaki et al. 2022, doi:10.1613/jair.1.13188). The model is then the joint one by default:
    good trials differ along the front, and values of different ones do not mix well.

    Attributes:
        startup: number of trials with a loss, at any budget, before the model is used; earlier proposals are draws
            from the prior. The joint model needs at most N_min + 2.
        is_joint: whether the model is the joint one. By default, it is the univariate one as long as every trial was
            trained to the end, and the joint one if trials were paused or stopped at rungs, or have several objectives.
        gamma: of n trials, ceil(gamma · √n), at most 25, count as good in the univariate model.
        good: fraction of the trials that count as good in the joint model, but at least N_min of them (q; 15 % in the
            BOHB paper).
        candidates: number of draws from the density of good trials, for each parameter of the univariate model.
        joint_candidates: the same for the joint model (N_s; 64 in the implementation of BOHB's authors).
        random_fraction: fraction of proposals from the prior once there is a model (ρ; 1/3 in the BOHB paper). Both
            models include the prior, so it is not needed to reach every point of the space.
        prior_weight: weight of the prior relative to one trial.
    """

    startup: int = 20
    is_joint: bool | None = None
    gamma: float = 0.25
    good: float = 0.15
    candidates: int = 24
    joint_candidates: int = 64
    random_fraction: float = 0.0
    prior_weight: float = 1.0

    def propose(self, n: int, history: History, running: Sequence[Vals], rng: np.random.Generator) -> Vals:  # noqa: ARG002
        """Draw from the prior before ``startup``, afterwards from a model; see ``Sampler.propose``."""
        space = history.space
        if not space.parameters or not history.observations:
            return space.draw(rng)
        least = min(len(space.parameters), _MOST_PARAMETERS) + 1
        enough = max(1, min(self.startup, least + 2))
        n_objectives = history.n_objectives
        is_joint = (not history.is_complete or n_objectives > 1) if self.is_joint is None else self.is_joint
        model = get_joint_model(space) if is_joint else get_univariate_model(space)
        trials = model.table.rank(history, running, enough)
        if trials.n_known < (enough if is_joint else max(1, self.startup)) or not len(trials.keys):
            return space.draw(rng)
        if self.random_fraction and rng.random() < self.random_fraction:
            return space.draw(rng)

        if is_joint:
            n_good, n_candidates = max(least, math.ceil(self.good * len(trials.keys))), self.joint_candidates
        else:
            n_trials = len(trials.keys) + len(running)
            n_good, n_candidates = min(math.ceil(self.gamma * math.sqrt(n_trials)), _MOST_GOOD), self.candidates
        vals = model.propose(trials, n_good, rng, n_candidates, self.prior_weight)
        vals.model_based = True
        return vals
