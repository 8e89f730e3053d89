"""The model of a study: a process fitted to its losses, with running trials as if they had their predicted loss."""

import math
from dataclasses import dataclass, replace

import numpy as np

from metaopt.strategies.arms import Arms
from metaopt.strategies.curve_view import CurveView, cached
from metaopt.strategies.learning_curve_process import LearningCurveProcess, Observed
from metaopt.strategies.points import Encoder, Points
from metaopt.strategies.study_curves import StudyCurves, scaled_times
from metaopt.strategies.training_costs import Seconds, TrainingCosts

_MOST_LOSSES = 300  # in the model, which bounds the time of a decision
_REFIT_GROWTH = 1.15  # of the number of losses from one fit of the parameters to the next
_FIRST_FIT = 4  # number of losses


class EncodedTrials:
    """Trials of a view as points; each is encoded once."""

    def __init__(self, view: CurveView) -> None:
        self.encoder: Encoder = cached(view, "curve encoder", lambda: Encoder.of(view.space))
        self._view = view
        self._known: dict[int, Points] = cached(view, "curve points", dict)

    def points(self, numbers: list[int]) -> Points:
        """Return the points of trials."""
        for number in numbers:
            if number not in self._known:
                self._known[number] = self.encoder.encode([self._view.trials[number].vals])
        if not numbers:
            return self.encoder.encode([])
        found = [self._known[number] for number in numbers]
        return Points(np.vstack([one.features for one in found]), np.vstack([one.edges for one in found]))


@dataclass(frozen=True)
class StudyModel:
    """Model of a study.

    Attributes:
        process: the process; its trials are those of ``numbers``.
        numbers: numbers of the trials in the model, (m,).
        n_observed: number of them with a loss; the others are running without one.
        running: numbers of running trials.
        trials: encodes trials.
    """

    process: LearningCurveProcess
    numbers: np.ndarray
    n_observed: int
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
        kept = curves.limited(_MOST_LOSSES)
        observed = kept.observed(trials.points(kept.numbers.tolist()), resource)
        process = LearningCurveProcess(observed, trials.encoder.metric, parameters)
        running = tuple(trial.number for trial in view.trials if trial.status == "running")
        return cls(process, kept.numbers, len(kept.numbers), running, trials)._believe(view, resource)

    def paused(self, view: CurveView) -> Arms:
        """Return the paused trials as arms."""
        statuses = [view.trials[number] for number in self.numbers[: self.n_observed]]
        index = np.array([i for i, trial in enumerate(statuses) if trial.status == "paused"], dtype=int)
        resources = np.array([statuses[i].target_resource for i in index], dtype=float)
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


def fit_costs(view: CurveView, trials: EncodedTrials, resource: int) -> tuple[TrainingCosts, dict[int, Seconds]]:
    """Return the cost model of a study, and by number the seconds of its own trials."""
    known = {}
    for trial in view.trials[-_MOST_LOSSES:]:
        if trial.seconds and not trial.imported:
            first, *later = trial.seconds
            known[trial.number] = Seconds(first, sum(later) / len(later) if later else first)
        elif trial.wall_seconds > 0 and not trial.imported:
            each = trial.wall_seconds / trial.target_resource
            known[trial.number] = Seconds(each, each)
    points = trials.points(list(known))
    return TrainingCosts.fit(points, list(known.values()), trials.encoder.metric, resource), known


def _fitted_parameters(view: CurveView, curves: StudyCurves, trials: EncodedTrials, resource: int) -> np.ndarray:
    """Return the parameters of the process, fitted to the first losses of the study.

    The number of these losses grows by steps, so that most decisions need no fit. As it depends on the study alone, a
    search that resumes has the same parameters.
    """
    count = _FIRST_FIT
    while count < len(curves) and math.ceil(count * _REFIT_GROWTH) <= len(curves):
        count = math.ceil(count * _REFIT_GROWTH)
    first = curves.first(count)
    key = (resource, first.numbers.tobytes(), first.trials.tobytes(), first.values.tobytes())
    known = view.cache.get("curve parameters")
    if known is None or known[0] != key:
        kept = first.limited(_MOST_LOSSES)
        observed = kept.observed(trials.points(kept.numbers.tolist()), resource)
        fitted = LearningCurveProcess.fit(observed, trials.encoder.metric).log_parameters
        known = view.cache["curve parameters"] = (key, fitted)
    parameters: np.ndarray = known[1]
    return parameters

