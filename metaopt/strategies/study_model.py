"""The model of a study: a process fitted to its losses, with running trials as if they had their predicted loss."""

import math
from collections.abc import Set
from dataclasses import dataclass, field, replace

import numpy as np

from metaopt.problems.stages import TrainingStages
from metaopt.samplers import value_key
from metaopt.strategies.arms import Arms
from metaopt.strategies.curve_view import CurveView, cached
from metaopt.strategies.feasibility import Feasibility, observe_distances
from metaopt.strategies.learning_curve_process import LearningCurveProcess, Observed
from metaopt.strategies.outside_knowledge import InformedEncoder
from metaopt.strategies.points import Encoder, Points
from metaopt.strategies.study_curves import StudyCurves, scaled_times
from metaopt.strategies.training_costs import Overheads, Seconds, TrainingCosts

MOST_LOSSES = 300  # in the model, which bounds the time of a decision
_MOST_RUNNING = 300  # trials whose predicted losses are in it, likewise: those that were started last
_REFIT_GROWTH = 1.15  # of the number of losses from one fit of the parameters to the next
_FIRST_FIT = 4  # number of losses


class EncodedTrials:
    """Trials of a view as points; each is encoded once."""

    def __init__(self, view: CurveView) -> None:
        self.encoder = _find_encoder(view)
        self._view = view
        # A run may add knowledge, and with it columns to the points.
        self._known: dict[int, Points] = cached(view, ("curve points", len(view.knowledge)), dict)
        self._keys: _Keys = cached(view, "curve keys", _Keys)
        self._stages: dict[int, TrainingStages | None] = cached(view, "stages", dict)

    def points(self, numbers: list[int]) -> Points:
        """Return the points of trials."""
        for number in numbers:
            if number not in self._known:
                self._known[number] = self.encoder.encode([self._view.trials[number].vals])
        if not numbers:
            return self.encoder.encode([])
        found = [self._known[number] for number in numbers]
        return Points(np.vstack([one.features for one in found]), np.vstack([one.beliefs for one in found]))

    def stages(self, number: int) -> TrainingStages | None:
        """Return the stages of the training of a trial."""
        if number not in self._stages:
            trial = self._view.trials[number]
            self._stages[number] = None if trial.imported else self._view.stages(trial.vals)
        return self._stages[number]

    @property
    def keys(self) -> Set[frozenset[tuple[str, float]]]:
        """Keys of all trials, see ``value_key``."""
        known, trials = self._keys, self._view.trials
        known.keys.update(value_key(trial.vals) for trial in trials[known.count :])
        known.count = len(trials)
        return known.keys


@dataclass
class _Keys:
    """Keys of the first trials of a study.

    Attributes:
        count: number of trials.
        keys: their keys; trials may have equal ones.
    """

    count: int = 0
    keys: set[frozenset[tuple[str, float]]] = field(default_factory=set)


@dataclass(frozen=True)
class StudyModel:
    """Model of a study.

    Attributes:
        process: the process; its trials are those of ``numbers``.
        numbers: numbers of the trials in the model, (m,).
        n_observed: number of them with a loss; the others are running without one.
        has_loss: whether the last loss of a trial is finite, (n_observed,).
        is_feasible: whether a trial with a finite loss meets all constraints at what it was trained, (n_observed,).
        feasibility: model of the constraints.
        running: numbers of running trials, of many those that were started last.
        trials: encodes trials.
    """

    process: LearningCurveProcess
    numbers: np.ndarray
    n_observed: int
    has_loss: np.ndarray
    is_feasible: np.ndarray
    feasibility: Feasibility
    running: tuple[int, ...]
    trials: EncodedTrials

    @classmethod
    def of(cls, view: CurveView, curves: StudyCurves, trials: EncodedTrials, resource: int) -> "StudyModel":
        """Return the model of a study with at least one finite loss.

        Args:
            view: the study.
            curves: its losses.
            trials: encodes its trials.
            resource: R.
        """
        parameters = _fitted_parameters(view, curves, trials, resource)
        kept = curves.limited(MOST_LOSSES)
        points, metric = trials.points(kept.numbers.tolist()), trials.encoder.metric
        process = LearningCurveProcess(kept.observed(points, resource), metric, parameters[0])
        has_loss = np.isfinite(kept.values[kept.last])
        model = cls(
            process,
            kept.numbers,
            len(kept.numbers),
            has_loss,
            has_loss & ~(kept.distances[kept.last] > 0).any(axis=1),
            Feasibility.of(kept, points, metric, parameters[1:], resource),
            tuple(view.running_numbers[-_MOST_RUNNING:]),
            trials,
        )
        return model._believe(view, resource)

    def find_best(self) -> tuple[float, np.ndarray]:
        """Return the loss to improve on, and the posterior means at R of the trials with a loss.

        The first is the least posterior mean of a feasible trial at what it was trained; where there is none, the
        largest mean, so that the probability of feasibility decides.
        """
        observed = self.process.observed
        trials = np.arange(self.n_observed)
        last = np.searchsorted(observed.trials, trials, side="right") - 1
        times = np.column_stack([observed.times[last], np.ones(self.n_observed)])
        means = self.process.posterior(observed.points[: self.n_observed], times, trials).means
        feasible = means[self.is_feasible, 0]
        return float(feasible.min() if len(feasible) else means.max()), means[:, 1]

    def paused(self, view: CurveView) -> Arms:
        """Return the paused trials with a finite loss as arms."""
        trials = [view.trials[number] for number in self.numbers[: self.n_observed]]
        can_resume = [trial.status == "paused" for trial in trials] & self.has_loss
        index = np.flatnonzero(can_resume)
        resources = np.array([trials[i].target_resource for i in index], dtype=float)
        return Arms(self.process.observed.points[index], index, resources)

    def _believe(self, view: CurveView, resource: int) -> "StudyModel":
        """Add running trials with their predicted losses at their targets.

        The mean does not change, the variance decreases ("kriging believer", Ginsbourger et al. 2010,
        doi:10.1007/978-3-642-10701-6_6).
        """
        if not self.running:
            return self
        known = {number: index for index, number in enumerate(self.numbers.tolist())}
        new = [number for number in self.running if number not in known]
        points = self.process.observed.points + self.trials.points(new)
        numbers = np.append(self.numbers, np.array(new, dtype=int))
        known.update({number: len(self.numbers) + i for i, number in enumerate(new)})
        index = np.array([known[number] for number in self.running])
        targets = [view.trials[number].target_resource for number in self.running]
        times = scaled_times(np.array(targets, dtype=float), resource)
        of_model = np.where(index < len(self.numbers), index, -1)
        means = self.process.posterior(points[index], times[:, None], of_model).means[:, 0]
        observed = self.process.observed
        order = np.argsort(np.append(observed.trials, index), kind="stable")
        believed = Observed(
            points,
            np.append(observed.trials, index)[order],
            np.append(observed.times, times)[order],
            np.append(observed.losses, means)[order],
        )
        return replace(self, process=replace(self.process, observed=believed), numbers=numbers)


def _find_encoder(view: CurveView) -> Encoder:
    def make() -> Encoder:
        plain = Encoder.of(view.space)
        # Under several objectives, the losses of an earlier study, which are those of one, are not what is modelled.
        is_informed = view.knowledge and view.history.n_objectives == 1
        return InformedEncoder.informed(plain, view.knowledge) if is_informed else plain

    return cached(view, ("curve encoder", len(view.knowledge)), make)


def fit_costs(view: CurveView, trials: EncodedTrials, resource: int) -> tuple[TrainingCosts, dict[int, Seconds]]:
    """Return the cost model of a study, and by number the seconds of its own trials."""
    known = {}
    besides = []
    for trial in view.trials[-MOST_LOSSES:]:
        if trial.seconds and not trial.imported:
            first, *later = trial.seconds
            known[trial.number] = Seconds(first, sum(later) / len(later) if later else first)
            if trial.results and trial.status != "running":
                besides.append((trial.wall_seconds - sum(trial.seconds), len(trial.results)))
        elif trial.wall_seconds > 0 and not trial.imported:
            each = trial.wall_seconds / trial.target_resource
            known[trial.number] = Seconds(each, each)
    points = trials.points(list(known))
    overheads = Overheads.measure(besides)
    return TrainingCosts.fit(points, list(known.values()), trials.encoder.metric, resource, overheads), known


def _fitted_parameters(view: CurveView, curves: StudyCurves, trials: EncodedTrials, resource: int) -> list[np.ndarray]:
    """Return the parameters of the processes of the losses and of each constraint, fitted to the first losses.

    The number of these losses grows by steps, so that most decisions need no fit. As it depends on the study alone, a
    search that resumes has the same parameters. Under several objectives there are some for each weighting of these.
    """
    count = _FIRST_FIT
    while math.ceil(count * _REFIT_GROWTH) <= len(curves):
        count = math.ceil(count * _REFIT_GROWTH)
    first = curves.first(count).weighted(curves.weights)
    arrays = first.numbers, first.trials, first.resources, first.values, first.distances
    key = resource, len(view.knowledge), *(array.tobytes() for array in arrays)
    name = "curve parameters", None if curves.weights is None else curves.weights.tobytes()
    known: tuple[object, list[np.ndarray]] | None = view.cache.get(name)
    if known is None or known[0] != key:
        kept = first.limited(MOST_LOSSES)
        points, metric = trials.points(kept.numbers.tolist()), trials.encoder.metric
        to_fit = [kept.observed(points, resource)]
        to_fit += [observe_distances(kept, number, points, resource)[0] for number in range(kept.distances.shape[1])]
        fitted = [LearningCurveProcess.fit(observed, metric).log_parameters for observed in to_fit]
        known = view.cache[name] = (key, fitted)
    return known[1]
