"""The study as a strategy of populations reads it."""

from collections.abc import Hashable, Sequence
from typing import Protocol, TypeVar

import numpy as np

from metaopt.schedulers import TrialView, View
from metaopt.spaces import Space, Vals
from metaopt.trials.knowledge import Knowledge
from metaopt.trials.ranking import RankKey
from metaopt.trials.result import Result

K = TypeVar("K", bound=Hashable)


class Member(TrialView, Protocol):
    """A trial with its values and its origin."""

    @property
    def vals(self) -> Vals:
        """Label → value."""

    @property
    def results(self) -> Sequence[Result]:
        """Its results at the ends of its intervals, ascending."""

    @property
    def forked_from(self) -> tuple[int, int] | None:
        """(trial, epochs) that it was forked from, or None."""


class PopulationView(View, Protocol):
    """A study; ``metaopt.engine.view.StudyView`` is one."""

    @property
    def trials(self) -> Sequence[Member]:
        """Every trial, by number."""

    @property
    def space(self) -> Space:
        """The space."""

    @property
    def knowledge(self) -> Sequence[Knowledge]:
        """Knowledge from before the search, or from before one of its runs."""

    @property
    def n_own(self) -> int:
        """Number of the study's own trials, running ones included."""

    def result_of_last_epoch(self, number: int, result: Result) -> Result:
        """Return a result of a trial as its last epoch alone is worth, rather than the best epoch so far."""

    def rank_together(self, results: Sequence[tuple[K, Result]]) -> dict[K, RankKey]:
        """Return the rank keys of results that are compared with each other, by their names; see ``Ranking``."""

    def generator(self, purpose: str, attempt: int = 0) -> np.random.Generator:
        """Return the generator for one purpose of the next trial."""
