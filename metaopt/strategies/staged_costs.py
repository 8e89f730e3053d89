"""Predicted costs of trainings in two stages: of the head alone, and of a part of a pretrained backbone, too."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metaopt.problems.stages import TrainingStages
from metaopt.strategies.curve_view import CurveTrial, CurveView
from metaopt.strategies.points import Points
from metaopt.strategies.second_stage import SecondStage, Stages
from metaopt.strategies.study_model import MOST_LOSSES, EncodedTrials
from metaopt.strategies.training_costs import EQUAL_FIRST, EXPONENT, SMALLEST_S, Overheads, Seconds, TrainingCosts


@dataclass(frozen=True)
class StagedCosts:
    """Cost model of a study whose trainings have stages.

    Attributes:
        first: model of the epochs of the first stage, and of the seconds besides epochs.
        second: model of the epochs of the second stage.
    """

    first: TrainingCosts
    second: SecondStage

    @classmethod
    def equal(cls, resource: int) -> "StagedCosts":
        """Return a model of no measured time, see ``TrainingCosts.equal``; the second stage costs what its MACs say."""
        return cls(TrainingCosts.equal(resource), SecondStage(0.0, np.zeros(1), EQUAL_FIRST - 1))

    def costs(
        self, points: Points, begin: np.ndarray, ends: np.ndarray, own: Sequence[Seconds | None], stages: Stages
    ) -> np.ndarray:
        """Return the cost of one job that trains from one epoch to others, see ``TrainingCosts.costs``.

        Args:
            points: n points.
            begin: epochs that each was trained, (n,).
            ends: epochs to train to, (h,).
            own: seconds of the trial of each point, None for a new one.
            stages: stages of each.
        """
        seconds = self._epoch_seconds(points, own, stages)
        whole = _until(np.array([self.first.resource]), stages, *seconds)[:, 0]
        typical = np.exp(np.log(whole).mean())
        charged = (whole / typical) ** (EXPONENT - 1)
        return _between(begin, ends, stages, *seconds) * charged[:, None] + self._besides(begin, ends, stages)

    def seconds(
        self, points: Points, begin: np.ndarray, ends: np.ndarray, own: Sequence[Seconds | None], stages: Stages
    ) -> np.ndarray:
        """Return the predicted seconds of such jobs, (n, h); see ``costs``."""
        seconds = self._epoch_seconds(points, own, stages)
        return _between(begin, ends, stages, *seconds) + self._besides(begin, ends, stages)

    def _epoch_seconds(
        self, points: Points, own: Sequence[Seconds | None], stages: Stages
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the seconds of the first epoch, of each later one of its stage, and of each one after it, (n,)."""
        first, later = self.first.epoch_seconds(points, own)
        tuned = self.second.seconds(self.first.inputs(points), stages)
        for number, one in enumerate(own):
            if one is not None and one.tuned is not None:
                tuned[number] = max(one.tuned, SMALLEST_S)
        return first, later, tuned

    def _besides(self, begin: np.ndarray, ends: np.ndarray, stages: Stages) -> np.ndarray:
        """Return the seconds of each job besides its epochs, (n, h)."""
        enters = stages.are_entered(begin[:, None], ends)
        return self.first.overheads.of(begin)[:, None] + np.where(enters, self.second.entering, 0.0)


def has_stages(view: CurveView, trials: EncodedTrials) -> bool:
    """Return whether a training of a study has stages."""
    return any(trials.stages(trial.number) is not None for trial in view.trials[-MOST_LOSSES:])


def fit_staged_costs(view: CurveView, trials: EncodedTrials, resource: int) -> tuple[StagedCosts, dict[int, Seconds]]:
    """Return the cost model of a study whose trainings have stages, and by number the seconds of its own trials."""
    known: dict[int, Seconds] = {}
    in_first, in_second = [], []
    stages: dict[int, TrainingStages] = {}
    timed = [trial for trial in view.trials[-MOST_LOSSES:] if trial.seconds and not trial.imported]
    for trial in timed:
        stages[trial.number] = trials.stages(trial.number) or TrainingStages()
        head_epochs = min(len(trial.seconds), stages[trial.number].head_epochs)
        head, tuned = trial.seconds[: int(head_epochs)], trial.seconds[int(head_epochs) :]
        known[trial.number] = _seconds_of(head, tuned)
        in_first += [trial.number] if head else []
        in_second += [trial.number] if tuned else []
    overheads, entering = _measure_overheads(timed, stages)
    seconds = [known[number] for number in in_first]
    first = TrainingCosts.fit(trials.points(in_first), seconds, trials.encoder.metric, resource, overheads)
    second = SecondStage.fit(
        first.inputs(trials.points(in_second)),
        Stages.of([stages[number] for number in in_second]),
        np.maximum([known[number].tuned or 0.0 for number in in_second], SMALLEST_S),
        float(first.later[0]),
        entering,
    )
    return StagedCosts(first, second), known


def _seconds_of(head: Sequence[float], tuned: Sequence[float]) -> Seconds:
    """Return the seconds of a trial, given those of its epochs in each stage, of at least one epoch."""
    mean = sum(tuned) / len(tuned) if tuned else None
    if not head:
        assert mean is not None
        return Seconds(mean, mean, mean)
    first, *later = head
    return Seconds(first, sum(later) / len(later) if later else first, mean)


def _measure_overheads(timed: Sequence[CurveTrial], stages: dict[int, TrainingStages]) -> tuple[Overheads, float]:
    """Return the seconds of jobs besides their epochs, and those by which entering the second stage exceeds them.

    Until a trial has entered it, that is expected to take as long as a start, which also builds and compiles a network.
    """
    plain: dict[bool, list[float]] = {True: [], False: []}  # by whether the job is the first one of its trial
    entering: dict[bool, list[float]] = {True: [], False: []}
    for trial in timed:
        own = Stages.of([stages[trial.number]])
        epochs, wall = 0, 0.0
        for result in trial.results:
            besides = result.seconds - wall - sum(trial.seconds[epochs : result.epochs])
            enters = own.are_entered(np.array([[epochs]]), np.array([result.epochs])).any()
            if besides >= 0:  # of a job that was killed, only the epochs are known
                (entering if enters else plain)[epochs == 0].append(besides)
            epochs, wall = result.epochs, result.seconds
    start = float(np.median(plain[True])) if plain[True] else 0.0
    resume = float(np.median(plain[False])) if plain[False] else start
    beyond = [seconds - start for seconds in entering[True]] + [seconds - resume for seconds in entering[False]]
    return Overheads(start, resume), max(0.0, float(np.median(beyond))) if beyond else start


def _between(
    begin: np.ndarray, ends: np.ndarray, stages: Stages, first: np.ndarray, later: np.ndarray, tuned: np.ndarray
) -> np.ndarray:
    """Return the seconds of the epochs from ``begin`` to ``ends``, (n, h)."""
    return _until(ends, stages, first, later, tuned) - _until(begin[:, None], stages, first, later, tuned)


def _until(epochs: np.ndarray, stages: Stages, first: np.ndarray, later: np.ndarray, tuned: np.ndarray) -> np.ndarray:
    """Return the seconds of the first epochs, (n, h)."""
    in_first, in_second = stages.split(epochs)
    head = np.where(in_first > 0, first[:, None] + later[:, None] * (in_first - 1), 0.0)
    return head + tuned[:, None] * in_second
