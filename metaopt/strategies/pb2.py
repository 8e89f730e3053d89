"""Strategy ``pb2``: population-based bandits.

It is population-based training whose exploration is guided: a Gaussian process predicts from the hyperparameters, the
value before an interval and the time how much an interval improves the value. A fork gets the numbers with the largest
upper confidence bound (Parker-Holder, Nguyen, Roberts 2020: Provably Efficient Online Hyperparameter Optimization with
Population-Based Bandits, arXiv:2002.02518, algorithm 1). Options are perturbed as by ``pbt``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metaopt.samplers._gaussian_process import Inputs
from metaopt.spaces import Space, Vals
from metaopt.strategies.exploration import explore, keep_architecture
from metaopt.strategies.pbt import PBT
from metaopt.strategies.population import Population
from metaopt.strategies.population_view import Member, PopulationView
from metaopt.strategies.time_varying_process import Moments, TimeVaryingProcess
from metaopt.trials.result import Result

_MIN_OBSERVATIONS = 3  # before which the model tells nothing, and numbers are perturbed
_MOST = 300  # latest observations in the model
_CANDIDATES = 512
_MOST_CLIPPED = 2.0  # standard deviations, at which an improvement is clipped, as in ray.tune.schedulers.pb2_utils
_INACTIVE_OPTION = -1.0


@dataclass(frozen=True)
class Interval:
    """Training of a trial over one interval.

    Attributes:
        vals: its hyperparameters.
        end: resource at its end.
        before: value before it: the larger, the better.
        improvement: change of the value per epoch; NaN where it is still in training.
    """

    vals: Vals
    end: int
    before: float
    improvement: float = float("nan")


@dataclass(frozen=True)
class PB2(PBT):
    """Population-based bandits; the attributes are those of ``PBT``."""

    def explore(self, population: Population, source: Member, target: int, rng: np.random.Generator) -> Vals:
        """Return the hyperparameters of a fork with the largest upper confidence bound of its improvement."""
        view = population.view
        perturbed = explore(view.space, source.vals, rng, resample=self.resample, check=self.check)
        values = find_values(view, population.trials)
        known = find_intervals(population.trials, values)
        if len(known) < _MIN_OBSERVATIONS:
            return perturbed
        before = values[source.number, source.results[-1].resource]
        running = [
            Interval(trial.vals, trial.target_resource, start)
            for trial in population.trials
            if trial.status == "running" and (start := value_before(trial, len(trial.results), values)) is not None
        ]
        model = _Model(view.space, known[-_MOST:], self.step)
        process = model.fit()
        if running:
            process = process.condition_on_mean(model.moments(running))
        candidates = self._candidates(view.space, perturbed, rng)
        bounds = process.upper_bound(model.moments([Interval(vals, target, before) for vals in candidates]))
        selected = candidates[int(np.argmax(bounds))]
        found = keep_architecture(view.space, perturbed, selected, rng, self.check)
        found.model_based = True
        return found

    def _candidates(self, space: Space, vals: Vals, rng: np.random.Generator) -> list[Vals]:
        """Return draws of the prior for the numbers that keep the architecture; the first are the given vals."""
        numbers = [label for label in vals if not space.by_label[label].distribution.is_unordered]
        drawn = _redraw(space, vals, numbers, rng)
        changed = keep_architecture(space, vals, drawn, rng, self.check)
        free = [label for label in numbers if changed[label] != vals[label]]
        return [vals, *(_redraw(space, vals, free, rng) for _ in range(_CANDIDATES - 1))]


Values = dict[tuple[int, int], float]
"""(trial, resource) → value there, the larger the better."""


def find_values(view: PopulationView, trials: Sequence[Member]) -> Values:
    """Return the values of trials at the ends of their intervals.

    Under one objective without violated constraints, the value is the negative loss of the last epoch. Else it is the
    share of the results that rank behind, as losses of several objectives and of infeasible trials do not compare.
    """
    results: dict[tuple[int, int], Result] = {}
    for trial in trials:
        for each in trial.results:
            result = view.result_of_last_epoch(trial.number, each)
            if result.has_loss:
                results[trial.number, each.resource] = result
    if all(len(each.values) == 1 and each.is_feasible for each in results.values()):
        return {name: -each.values[0] for name, each in results.items()}
    keys = view.rank_together(list(results.items()))
    order = {key: place for place, key in enumerate(sorted(set(keys.values()), reverse=True))}
    return {name: order[key] / max(1, len(order) - 1) for name, key in keys.items()}


def value_before(trial: Member, index: int, values: Values) -> float | None:
    """Return the value of a trial before one of its intervals; None where there is none, as before the first.

    Args:
        trial: the trial.
        index: number of its results before the interval.
        values: see ``find_values``.
    """
    if index > 0:
        return values.get((trial.number, trial.results[index - 1].resource))
    return values.get(trial.forked_from) if trial.forked_from is not None else None


def find_intervals(trials: Sequence[Member], values: Values) -> list[Interval]:
    """Return the intervals of which the improvement is known, in the order of their ends."""
    found = []
    for trial in trials:
        for index, result in enumerate(trial.results):
            before, after = value_before(trial, index, values), values.get((trial.number, result.resource))
            if before is not None and after is not None:
                start = trial.results[index - 1].resource if index else trial.forked_from[1] if trial.forked_from else 0
                improvement = (after - before) / max(1, result.resource - start)
                found.append(Interval(trial.vals, result.resource, before, improvement))
    return sorted(found, key=lambda each: each.end)


@dataclass(frozen=True)
class _Model:
    """Model of the improvement in an interval.

    Attributes:
        space: space of the hyperparameters.
        known: intervals with their improvements, at least one.
        step: epochs of an interval, the unit of time.
    """

    space: Space
    known: Sequence[Interval]
    step: int

    def fit(self) -> TimeVaryingProcess:
        """Fit the process to the standardised improvements."""
        improvements = np.array([each.improvement for each in self.known])
        deviation = improvements.std()
        standardised = (improvements - improvements.mean()) / (deviation if deviation > 0 else 1.0)
        return TimeVaryingProcess.fit(self.moments(self.known), np.clip(standardised, -_MOST_CLIPPED, _MOST_CLIPPED))

    def moments(self, intervals: Sequence[Interval]) -> Moments:
        """Return intervals as points in time: unit values, and the value before as a share of the known range."""
        units, active = map(np.array, zip(*(self.space.encode(each.vals) for each in intervals), strict=True))
        options = np.array([one.distribution.is_unordered for one in self.space.parameters], dtype=bool)
        units = np.where(options & ~active, _INACTIVE_OPTION, units)
        known = [each.before for each in self.known]
        low, size = min(known), max(known) - min(known)
        before = np.array([(each.before - low) / (size if size > 0 else 1.0) for each in intervals])
        times = np.array([each.end / self.step for each in intervals])
        return Moments(Inputs(np.column_stack([units, before]), np.append(options, False)), times)


def _redraw(space: Space, vals: Vals, labels: Sequence[str], rng: np.random.Generator) -> Vals:
    """Return vals of which some are drawn anew from their priors."""
    return space.complete({label: value for label, value in vals.items() if label not in labels}, rng)
