"""Base class of trackers, and what they are told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from metaopt.errors import UserError
from metaopt.spaces import Space
from metaopt.storage.study import Study
from metaopt.trials.objective import Metrics, Objective
from metaopt.trials.record import Record
from metaopt.trials.trial import Trial

FOLDER = "tracking"
"""Folder of all trackers within that of a study."""


@dataclass(frozen=True)
class TrackedStudy:
    """A study as trackers see it.

    Attributes:
        folder: folder of the study.
        id: its id.
        objectives: its objectives, the first one first.
        constraints: constraints in force as text.
        settings: its settings.
        space: the compiled space; None where it is not known.
    """

    folder: Path
    id: str
    objectives: tuple[Objective, ...]
    constraints: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    space: Space | None = None

    @classmethod
    def of(cls, study: Study, space: Space | None) -> "TrackedStudy":
        """Return a study as it is now."""
        return cls(
            study.folder,
            str(study.header.get("id") or study.folder.name),
            study.objectives,
            tuple(map(str, study.constraints)),
            dict(study.settings),
            space,
        )

    @property
    def name(self) -> str:
        """Name of its folder."""
        return self.folder.resolve().name

    def values(self, record: Record) -> dict[str, float]:
        """Return the value of each objective of a record in the user's sense; empty where it has none."""
        if not record.has_loss:
            return {}
        pairs = zip(self.objectives, record.result.values, strict=True)
        return {objective.name: objective.value(loss) for objective, loss in pairs}


@dataclass(frozen=True)
class StartedTrial:
    """A trial that starts, or resumes after a pause.

    Attributes:
        number: its number.
        vals: label → value.
        point: the hyperparameters, in the types of JSON.
        params: number of parameters, or None.
        macs: multiply-accumulates of one image, or None.
        parent: number of the trial that it descends from, or None.
    """

    number: int
    vals: Mapping[str, float]
    point: Any
    params: int | None = None
    macs: int | None = None
    parent: int | None = None

    @classmethod
    def of(cls, trial: Trial, params: int | None = None, macs: int | None = None) -> "StartedTrial":
        """Return a trial of a search."""
        return cls(trial.number, dict(trial.vals), trial.point, params, macs, trial.vals.parent)

    @classmethod
    def of_record(cls, record: Record) -> "StartedTrial":
        """Return the trial of a record."""
        return cls(record.trial, dict(record.vals), record.point, record.params, record.macs, record.parent)


class Tracker:
    """Follows one study. Every method does nothing by default, and may raise any exception.

    Args:
        study: the study.
    """

    name = ""
    """Name for users."""

    module = ""
    """The library that it needs."""

    requirements = ""
    """The file of requirements that installs it."""

    def __init__(self, study: TrackedStudy) -> None:
        self.study = study

    def open(self, records: Sequence[Record]) -> None:
        """The search starts or resumes.

        Args:
            records: records of the trials so far, some of which the tracker may know from an earlier run.
        """

    def start(self, trial: StartedTrial) -> None:
        """A trial starts or resumes."""

    def epoch(self, trial: int, epoch: int, metrics: Metrics, seconds: float) -> None:
        """An epoch of a trial, counted from 1, is trained."""

    def end(self, record: Record) -> None:
        """A trial ended or pauses."""

    def catch_up(self, record: Record) -> None:
        """Be told at once of a trial that an earlier run trained without this tracker."""
        self.start(StartedTrial.of_record(record))
        for epoch in range(1, n_epochs(record) + 1):
            self.epoch(record.trial, epoch, record.metrics(epoch), 0.0)
        self.end(record)

    def reject(self, trial: int) -> None:
        """The network of a trial was rejected in its worker, so that it never was one."""

    def close(self, is_finished: bool) -> None:
        """The run ends.

        Args:
            is_finished: whether the search is over, so that paused trials will not resume by themselves.
        """


def replay(study: Study, tracker: Tracker) -> None:
    """Tell a tracker all that happened in a study that ended."""
    tracker.open([])
    for record in study.records:
        tracker.start(StartedTrial.of_record(record))
        seconds = record.history.get("seconds") or [0.0] * n_epochs(record)
        for epoch in range(1, n_epochs(record) + 1):
            tracker.epoch(record.trial, epoch, record.metrics(epoch), seconds[epoch - 1] or 0.0)
        tracker.end(record)
    tracker.close(is_finished=True)


def n_epochs(record: Record) -> int:
    """Return the number of epochs that the history of a record has."""
    return len(next(iter(record.history.values()), ()))


def missing_library(tracker: type[Tracker], error: object) -> UserError:
    """Return the error for a library that is not installed."""
    return UserError(
        f"{tracker.name} needs the package {tracker.module}, which cannot be imported ({error}):"
        f" pip install -r {tracker.requirements}, or pip install {tracker.module}."
    )
