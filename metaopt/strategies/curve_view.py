"""The study as a strategy of learning curves reads it."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np

from metaopt.problems.stages import TrainingStages
from metaopt.samplers import History
from metaopt.schedulers import TrialView, View
from metaopt.spaces import Space, Vals
from metaopt.trials.knowledge import Knowledge
from metaopt.trials.result import Result
from metaopt.trials.trial_decision import TrialDecision

T = TypeVar("T")


class CurveTrial(TrialView, Protocol):
    """A trial with its values and the time that it took."""

    @property
    def vals(self) -> Vals:
        """Label → value."""

    @property
    def seconds(self) -> Sequence[float]:
        """Wall seconds of each epoch."""

    @property
    def results(self) -> Sequence[Result]:
        """Its results at rungs, ascending."""

    @property
    def decisions(self) -> Sequence[TrialDecision]:
        """Decisions on it so far."""

    @property
    def wall_seconds(self) -> float:
        """Wall seconds of all its jobs."""


class CurveView(View, Protocol):
    """A study; ``metaopt.engine.view.StudyView`` is one."""

    @property
    def trials(self) -> Sequence[CurveTrial]:
        """Every trial, by number."""

    @property
    def space(self) -> Space:
        """The space."""

    @property
    def history(self) -> History:
        """Every trial that has ended or reached a rung."""

    @property
    def knowledge(self) -> Sequence[Knowledge]:
        """Knowledge from before the search, or from before one of its runs."""

    @property
    def running_numbers(self) -> Sequence[int]:
        """Numbers of the running trials, ascending."""

    @property
    def n_own(self) -> int:
        """Number of the study's own trials, running ones included."""

    def stages(self, vals: Vals) -> TrainingStages | None:
        """Return the stages of the training of a point, see ``metaopt.problems.stages``; None where it has none."""

    def generator(self, purpose: str, attempt: int = 0) -> np.random.Generator:
        """Return the generator for one purpose of the next trial."""


def cached(view: CurveView, key: Any, make: Callable[[], T]) -> T:
    """Return a value of the view's cache, made where there is none yet."""
    if key not in view.cache:
        view.cache[key] = make()
    found: T = view.cache[key]
    return found
