"""The tree-structured Parzen estimator, hyperopt's own.

Bergstra, Bardenet, Bengio, Kégl: Algorithms for Hyper-Parameter Optimization, NeurIPS 2011,
https://papers.nips.cc/paper/4443-algorithms-for-hyper-parameter-optimization.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metaopt.samplers._base import History, Sampler
from metaopt.samplers._hyperopt import ask_tpe
from metaopt.spaces import Vals


@dataclass(frozen=True)
class TPE(Sampler):
    """For each parameter, the one of some candidates that is likely under the good trials and unlikely under the rest.

    Trials that run count among the rest (a "constant liar" that expects the worst of them), so that workers side by
    side do not try the same.

    Where trials were paused or stopped at rungs, the model is that of the largest budget at which ``startup`` trials
    stand, or of the one at which most do; ``JointTPE`` is made for that.

    Attributes:
        startup: trials with a loss, at whatever budget, before the model is used; until then the prior is drawn from.
        gamma: ceil(gamma · √trials) of them, at most 25, count as good.
        candidates: draws from the good trials' density for each parameter.
        prior_weight: weight of the prior beside one trial.
    """

    startup: int = 20
    gamma: float = 0.25
    candidates: int = 24
    prior_weight: float = 1.0

    def propose(self, n: int, history: History, running: Sequence[Vals], rng: np.random.Generator) -> Vals:  # noqa: ARG002
        """A draw from the prior before ``startup``, else from the model; see ``Sampler.propose``."""
        known = sum(one.has_loss for one in history.observations)
        if known < max(1, self.startup) or not history.space.parameters:
            return history.space.draw(rng)
        last = history.observations[-1].trial
        trials = [(one.trial, one.vals) for one in history.comparable(self.startup).ranked()]
        trials += [(last + 1 + number, vals) for number, vals in enumerate(running)]
        vals = ask_tpe(
            history.space,
            trials,
            rng,
            gamma=self.gamma,
            candidates=self.candidates,
            prior_weight=self.prior_weight,
        )
        vals.model_based = True
        return vals
