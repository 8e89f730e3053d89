"""Tree-structured Parzen estimator (TPE), implemented by hyperopt.

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
    """Selects, for each parameter, the candidate with the largest ratio of the densities of good and other trials.

    Running trials count as bad trials (a pessimistic "constant liar"), so that parallel workers do not evaluate the
    same values.

    If trials were paused or stopped at rungs, the model uses the largest budget that ``startup`` trials have reached,
    or the budget that most trials have reached. ``JointTPE`` is designed for this case.

    Attributes:
        startup: number of trials with a loss, at any budget, before the model is used; earlier proposals are draws
            from the prior.
        gamma: ceil(gamma · √trials) trials, at most 25, count as good.
        candidates: number of draws from the density of good trials, for each parameter.
        prior_weight: weight of the prior relative to one trial.
    """

    startup: int = 20
    gamma: float = 0.25
    candidates: int = 24
    prior_weight: float = 1.0

    def propose(self, n: int, history: History, running: Sequence[Vals], rng: np.random.Generator) -> Vals:  # noqa: ARG002
        """Draw from the prior before ``startup``, afterwards from the model; see ``Sampler.propose``."""
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
