"""Bayesian optimisation: a Gaussian process of the losses at every rung, and the expected improvement at the last."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import erfcx, ndtr, ndtri
from scipy.stats import rankdata

from metaopt.samplers._base import History, Observation, Sampler, untried
from metaopt.samplers._gaussian_process import GaussianProcess, Inputs
from metaopt.samplers._mutation import mutate
from metaopt.spaces import Space, Vals

# Of the mutations among the candidates: their parents, the best trials by the model, and how wide their steps are.
_PARENTS = 8
_WIDTHS = (0.05, 0.2)
_MOST_DISTANCES = 4e6  # observations² × parameters: more would take longer than a second
_NEAR, _FAR = -1.0, -1e5  # standard deviations between which an improvement needs the formula of the tail


@dataclass(frozen=True)
class GP(Sampler):
    """Of draws from the prior and mutations of good trials the one that is expected to improve most.

    For the few dozen trials that a machine can train in hours, and for short trainings first: one model has the losses
    of all trials at all rungs, and tells from them how good a new one would be at the largest budget so far. That is
    what ``JointTPE``, which looks at one budget only, cannot know (Klein et al. 2020: Model-based Asynchronous
    Hyperparameter and Neural Architecture Search, arXiv:2003.10865).

    The model sees ranks, as normal quantiles, and not the losses, so that one that is far off spoils nothing; trials
    that break measured limits stand behind those that keep them. The acquisition is the logarithm of the expected
    improvement (Jones et al. 1998, doi:10.1023/A:1008306431147; Ament et al. 2023, arXiv:2310.20708) over the best mean
    of any trial. Trials that run count as if they had come out as expected ("kriging believer", Ginsbourger et al.
    2010, doi:10.1007/978-3-642-10701-6_6). What was trained already is not proposed while there is anything else.

    Attributes:
        startup: trials with a loss, at whatever budget, before the model is used; until then the prior is drawn from.
        draws: candidates from the prior.
        mutants: candidates that are mutations of the best trials.
        most: observations that the model takes; of more, the best half of that and any others.
    """

    startup: int = 10
    draws: int = 512
    mutants: int = 256
    most: int = 300

    def propose(self, n: int, history: History, running: Sequence[Vals], rng: np.random.Generator) -> Vals:  # noqa: ARG002
        """A draw from the prior before ``startup``, else the best candidate; see ``Sampler.propose``."""
        space = history.space
        trained = [one for one in history.observations if one.has_loss]
        if not space.parameters or len(trained) < max(1, self.startup):
            return space.draw(rng)
        observed = _Observed.of(trained)
        most = min(self.most, int(math.sqrt(_MOST_DISTANCES / len(space.parameters))))
        model = observed.chosen(most, rng).model(space)
        points = [one.vals for one in trained]
        means, _ = model.predict(observed.at_largest(space, points))
        if running:
            model = model.also(observed.at_largest(space, running))
        best = [points[place] for place in np.argsort(means, kind="stable")[:_PARENTS]]
        candidates = [space.draw(rng) for _ in range(self.draws)]
        for number in range(self.mutants):
            width = _WIDTHS[number // len(best) % len(_WIDTHS)]
            candidates.append(mutate(space, best[number % len(best)], rng, width))
        candidates = untried(candidates, history, running)
        gains = log_expected_improvement(means.min(), *model.predict(observed.at_largest(space, candidates)))
        vals = candidates[int(np.argmax(gains))]
        vals.model_based = True
        return vals


@dataclass(frozen=True)
class _Observed:
    """Losses at rungs.

    Attributes:
        vals: of the trial of each, n of them.
        budgets: (n,).
        losses: (n,), normal quantiles of their ranks, scaled to mean 0 and variance 1.
        largest: budget of all.
    """

    vals: list[Vals]
    budgets: np.ndarray
    losses: np.ndarray
    largest: float

    @classmethod
    def of(cls, trials: Sequence[Observation]) -> "_Observed":
        """Every rung of trials with a loss."""
        found = [there for one in trials for there in one.at_each_rung if there.has_loss]
        keys = [there.rank_key for there in found]
        order = {key: place for place, key in enumerate(sorted(set(keys)))}
        ranks = rankdata([order[key] for key in keys])  # equal ones share theirs
        quantiles = ndtri((ranks - 0.5) / len(ranks))
        deviation = quantiles.std()
        budgets = np.array([there.result.resource for there in found], dtype=float)
        losses = (quantiles - quantiles.mean()) / (deviation if deviation > 0 else 1.0)
        return cls([there.vals for there in found], budgets, losses, float(budgets.max()))

    def chosen(self, most: int, rng: np.random.Generator) -> "_Observed":
        """At most so many: the best half, and any others, so that the bad is known as well."""
        if len(self.losses) <= most:
            return self
        order = np.argsort(self.losses, kind="stable")
        others = rng.choice(order[most // 2 :], size=most - most // 2, replace=False)
        kept = np.sort(np.append(order[: most // 2], others))
        vals = [self.vals[place] for place in kept]
        return _Observed(vals, self.budgets[kept], self.losses[kept], self.largest)

    def model(self, space: Space) -> GaussianProcess:
        """Fitted to them."""
        return GaussianProcess.fit(self._inputs(space, self.vals, self.budgets), self.losses)

    def at_largest(self, space: Space, vals: Sequence[Vals]) -> Inputs:
        """Points at the largest budget."""
        return self._inputs(space, vals, np.full(len(vals), self.largest))

    def _inputs(self, space: Space, vals: Sequence[Vals], budgets: np.ndarray) -> Inputs:
        """Points at budgets, which are 0..1 on a logarithmic scale from 1 to the largest."""
        places, known = map(np.array, zip(*map(space.encode, vals), strict=True))
        options = [one.distribution.is_unordered for one in space.parameters]
        places = np.where(np.array(options) & ~known, -1.0, places)
        scale = math.log(self.largest) if self.largest > 1 else 1.0
        return Inputs(np.column_stack([places, np.log(budgets) / scale]), np.array([*options, False]))


def log_expected_improvement(best: float, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Logarithm of E[max(best − loss, 0)] for normal losses, ``(n,)``.

    Args:
        best: what is to be improved on.
        mean: of the losses, ``(n,)``.
        deviation: their standard deviations, above 0.
    """
    z = (best - mean) / deviation
    near, far = np.maximum(z, _NEAR), np.clip(z, _FAR, _NEAR)
    plain = np.log(np.exp(-0.5 * near**2) / math.sqrt(2 * math.pi) + near * ndtr(near))
    # φ(z)·(1 + z·Φ(z) / φ(z)), in which the quotient loses no digits where both underflow.
    log_density = -0.5 * z**2 - 0.5 * math.log(2 * math.pi)
    tail = log_density + np.log1p(far * math.sqrt(math.pi / 2) * erfcx(-far / math.sqrt(2)))
    return np.log(deviation) + np.where(z > _NEAR, plain, tail)
