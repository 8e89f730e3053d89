"""Bayesian optimisation with a Gaussian process of the losses at all rungs, and expected improvement at the last."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import erfcx, ndtr, ndtri
from scipy.stats import rankdata

from metaopt.samplers._base import History, Observation, Sampler, untried
from metaopt.samplers._gaussian_process import GaussianProcess, Inputs
from metaopt.samplers.mutation import mutate_best
from metaopt.spaces import Space, Vals
from metaopt.trials.pareto import compute_units, scalarise

_PARENTS = 8  # best trials by the model, whose mutations are candidates
_MAX_DISTANCES = 4e6  # observations² × parameters; more would take longer than a second
_NEAR, _FAR = -1.0, -1e5  # bounds, in standard deviations, between which the improvement uses the formula of the tail


@dataclass(frozen=True)
class GP(Sampler):
    """Selects the candidate with the largest expected improvement, among prior draws and mutations of good trials.

    It is designed for a few dozen trials and for multi-fidelity schedulers. One model includes the losses of all trials
    at all rungs, and predicts the loss of a candidate at the largest budget so far. ``TPE`` uses only the losses
    at one budget (Klein et al. 2020: Model-based Asynchronous Hyperparameter and Neural Architecture Search,
    arXiv:2003.10865).

    The model uses normal quantiles of the ranks instead of the losses, so it is robust to outliers. Infeasible trials
    rank behind feasible ones. The acquisition function is the logarithm of the expected improvement (Jones et al. 1998,
    doi:10.1023/A:1008306431147; Ament et al. 2023, arXiv:2310.20708) over the best predicted mean of all trials.
    Under several objectives, each proposal draws weights, uniform over the simplex, and the loss is the weighted
    Tchebycheff function of the quantiles of the objectives (Knowles 2006: ParEGO, doi:10.1109/TEVC.2005.851274).
    Running trials are included with their predicted mean ("kriging believer", Ginsbourger et al. 2010,
    doi:10.1007/978-3-642-10701-6_6). Candidates that were already trained are skipped while there are others.

    Attributes:
        startup: number of trials with a loss, at any budget, before the model is used; earlier proposals are draws
            from the prior.
        draws: number of candidates from the prior.
        mutants: number of candidates that are mutations of the best trials.
        most: maximum number of observations in the model: the best half of this number and random others.
    """

    startup: int = 10
    draws: int = 512
    mutants: int = 256
    most: int = 300

    def propose(self, n: int, history: History, running: Sequence[Vals], rng: np.random.Generator) -> Vals:  # noqa: ARG002
        """Draw from the prior before ``startup``, then return the best candidate; see ``Sampler.propose``."""
        space = history.space
        trained = [one for one in history.observations if one.has_loss]
        if not space.parameters or len(trained) < max(1, self.startup):
            return space.draw(rng)
        n_objectives = history.n_objectives
        observed = _Observed.of(trained, rng.dirichlet(np.ones(n_objectives)) if n_objectives > 1 else None)
        most = min(self.most, int(math.sqrt(_MAX_DISTANCES / len(space.parameters))))
        model = observed.subsample(most, rng).fit_model(space)
        points = [one.vals for one in trained]
        means, _ = model.predict(observed.at_largest(space, points))
        if running:
            model = model.condition_on_mean(observed.at_largest(space, running))
        best = [points[index] for index in np.argsort(means, kind="stable")[:_PARENTS]]
        draws = [space.draw(rng) for _ in range(self.draws)]
        candidates = untried(draws + mutate_best(space, best, self.mutants, rng), history, running)
        gains = log_expected_improvement(means.min(), *model.predict(observed.at_largest(space, candidates)))
        vals = candidates[int(np.argmax(gains))]
        vals.model_based = True
        return vals


@dataclass(frozen=True)
class _Observed:
    """Observed losses at rungs.

    Attributes:
        vals: values of the trial of each of n observations.
        budgets: budget of each observation, (n,).
        losses: normal quantiles of the ranks of the losses, scaled to mean 0 and variance 1, (n,).
        largest: largest budget of all observations.
    """

    vals: list[Vals]
    budgets: np.ndarray
    losses: np.ndarray
    largest: float

    @classmethod
    def of(cls, trials: Sequence[Observation], weights: np.ndarray | None = None) -> "_Observed":
        """Collect the losses of trials at all rungs.

        Args:
            trials: the trials.
            weights: of several objectives, (m,), by which their values become one loss; None for one objective.
        """
        found = [there for one in trials for there in one.at_each_rung if there.has_loss]
        keys = [there.rank_key for there in found]
        if weights is not None:
            scalar = scalarise(compute_units(np.array([key[2:] for key in keys])), weights)
            keys = [(*key[:2], loss) for key, loss in zip(keys, scalar.tolist(), strict=True)]
        order = {key: position for position, key in enumerate(sorted(set(keys)))}
        ranks = rankdata([order[key] for key in keys])  # equal keys have the same rank
        quantiles = ndtri((ranks - 0.5) / len(ranks))
        deviation = quantiles.std()
        budgets = np.array([there.result.resource for there in found], dtype=float)
        losses = (quantiles - quantiles.mean()) / (deviation if deviation > 0 else 1.0)
        return cls([there.vals for there in found], budgets, losses, float(budgets.max()))

    def subsample(self, most: int, rng: np.random.Generator) -> "_Observed":
        """Return at most ``most`` observations: half of them the best, and random others to represent bad trials."""
        if len(self.losses) <= most:
            return self
        order = np.argsort(self.losses, kind="stable")
        others = rng.choice(order[most // 2 :], size=most - most // 2, replace=False)
        kept = np.sort(np.append(order[: most // 2], others))
        vals = [self.vals[index] for index in kept]
        return _Observed(vals, self.budgets[kept], self.losses[kept], self.largest)

    def fit_model(self, space: Space) -> GaussianProcess:
        """Fit a Gaussian process to the observations."""
        return GaussianProcess.fit(self._inputs(space, self.vals, self.budgets), self.losses)

    def at_largest(self, space: Space, vals: Sequence[Vals]) -> Inputs:
        """Return the model inputs of values at the largest budget."""
        return self._inputs(space, vals, np.full(len(vals), self.largest))

    def _inputs(self, space: Space, vals: Sequence[Vals], budgets: np.ndarray) -> Inputs:
        """Return the model inputs of values at budgets. Budgets from 1 to the largest become 0..1 logarithmically."""
        units, active = map(np.array, zip(*map(space.encode, vals), strict=True))
        options = [one.distribution.is_unordered for one in space.parameters]
        units = np.where(np.array(options) & ~active, -1.0, units)
        scale = math.log(self.largest) if self.largest > 1 else 1.0
        return Inputs(np.column_stack([units, np.log(budgets) / scale]), np.array([*options, False]))


def log_expected_improvement(best: float, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Return the logarithm of E[max(best − loss, 0)] for normally distributed losses, (n,).

    Args:
        best: the loss to improve on.
        mean: means of the losses, (n,).
        deviation: standard deviations of the losses, > 0, (n,).
    """
    z = (best - mean) / deviation
    near, far = np.maximum(z, _NEAR), np.clip(z, _FAR, _NEAR)
    direct = np.log(np.exp(-0.5 * near**2) / math.sqrt(2 * math.pi) + near * ndtr(near))
    # φ(z)·(1 + z·Φ(z) / φ(z)); erfcx gives the quotient without underflow of Φ and φ.
    log_density = -0.5 * z**2 - 0.5 * math.log(2 * math.pi)
    tail = log_density + np.log1p(far * math.sqrt(math.pi / 2) * erfcx(-far / math.sqrt(2)))
    return np.log(deviation) + np.where(z > _NEAR, direct, tail)
