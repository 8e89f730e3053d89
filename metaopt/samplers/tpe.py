"""The tree-structured Parzen estimator, hyperopt's own; over rungs with a model per budget, as in BOHB.

Bergstra, Bardenet, Bengio, Kégl: Algorithms for Hyper-Parameter Optimization, NeurIPS 2011,
https://papers.nips.cc/paper/4443-algorithms-for-hyper-parameter-optimization.
Falkner, Klein, Hutter: BOHB: Robust and Efficient Hyperparameter Optimization at Scale, ICML 2018, arXiv:1807.01774.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metaopt.samplers._base import History, Observation, Sampler
from metaopt.samplers._density import Density
from metaopt.samplers._hyperopt import ask_tpe
from metaopt.spaces import Vals


@dataclass(frozen=True)
class TPE(Sampler):
    """For each parameter, the one of some candidates that is likely under the good trials and unlikely under the rest.

    Trials that run count among the rest (a "constant liar" that expects the worst of them), so that workers side by
    side do not try the same.

    Where trials were paused or stopped at rungs, the model is that of one budget: the largest at which d + 3 trials
    stand, where d is the number of parameters (BOHB, algorithm 2, with N_min = d + 1); if there is none, the one at
    which most do. Losses at other budgets are not looked at.

    Attributes:
        startup: trials with a loss, at whatever budget, before the model is used; until then the prior is drawn from.
        gamma: ceil(gamma · √trials) of them, at most 25, count as good.
        candidates: draws from the good trials' density for each parameter.
        prior_weight: weight of the prior beside one trial.
        random_fraction: share of proposals from the prior although there is a model (ρ of BOHB, there 1/3).
    """

    startup: int = 20
    gamma: float = 0.25
    candidates: int = 24
    prior_weight: float = 1.0
    random_fraction: float = 0.0
    joint: bool = False
    good: float = 0.15
    least: int | None = None
    enough: int | None = None

    def propose(self, n: int, history: History, running: Sequence[Vals], rng: np.random.Generator) -> Vals:  # noqa: ARG002
        """A draw from the prior before ``startup``, else from the model; see ``Sampler.propose``."""
        known = sum(one.ok for one in history.observations)
        if known < max(1, self.startup) or not history.space.parameters:
            return history.space.draw(rng)
        if self.random_fraction and rng.random() < self.random_fraction:
            return history.space.draw(rng)

        if self.joint:
            return self._jointly(history, running, rng)
        last = history.observations[-1].trial
        trials = [(one.trial, one.vals) for one in _comparable(history, self.enough)]
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

    def _jointly(self, history: History, running: Sequence[Vals], rng: np.random.Generator) -> Vals:
        """The best of some draws from the density of the good trials, none of which was proposed before."""
        ranked = [one.vals for one in _comparable(history, self.enough)]
        least = len(history.space.parameters) + 1 if self.least is None else self.least
        split = max(1, min(len(ranked) - 1, max(least, math.ceil(self.good * len(ranked)))))
        good = Density(history.space, ranked[:split], self.prior_weight)
        rest = Density(history.space, [*ranked[split:], *running], self.prior_weight)
        draws = good.draw(self.candidates, rng)
        known = {tuple(sorted(one.items())) for one in (*(one.vals for one in history.observations), *running)}
        fresh = [vals for vals in draws if tuple(sorted(vals.items())) not in known] or draws
        vals = fresh[int(np.argmax(good.log(fresh) - rest.log(fresh)))]
        vals.model_based = True
        return vals


def _comparable(history: History, enough: int | None = None) -> list[Observation]:
    """The trials at the budget whose model is used, the best first."""
    budgets = history.budgets
    if len(budgets) == 1:
        return history.ranked()
    enough = enough or len(history.space.parameters) + 3
    most: list[Observation] = []
    for budget in reversed(budgets):
        ranked = history.at(budget).ranked()
        if len(ranked) >= enough:
            return ranked
        most = max(most, ranked, key=len)
    return most
