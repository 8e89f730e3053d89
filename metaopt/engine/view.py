"""Read-only view of a study for strategies, with the randomness of the next trial."""

from bisect import bisect_left
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from metaopt import randomness
from metaopt.problems.stages import TrainingStages
from metaopt.samplers import History, Observation
from metaopt.schedulers import TrialView
from metaopt.spaces import Space, Vals
from metaopt.storage.state import StudyState
from metaopt.trials.knowledge import Knowledge
from metaopt.trials.ranking import RANKING, RankKey, rank_key, rank_together
from metaopt.trials.result import Result
from metaopt.trials.trial import Trial

K = TypeVar("K", bound=Hashable)


class StudyView:
    """The part of a study that a strategy may read.

    Args:
        state: the study.
        space: the compiled space.
        seed: seed of the search.
        goal: see ``goal``.
        find_stages: returns the stages of the training of a point; None where no training has any.

    Attributes:
        space: the compiled space.
        cache: see ``metaopt.schedulers.View``.
    """

    def __init__(
        self,
        state: StudyState,
        space: Space,
        seed: int,
        goal: int | None,
        find_stages: Callable[[Any], TrainingStages | None] | None = None,
    ):
        self.space = space
        self._find_stages = find_stages
        self.cache: dict[Any, Any] = {}
        self._state = state
        self._seed = seed
        self._goal = goal
        # Of the trials that have ended or reached a rung, by number; of thousands, only what changed is read anew.
        self._numbers: list[int] = []
        self._observations: list[Observation] = []
        self._n_changes = 0
        self._keys: tuple[int, dict[int, dict[int, RankKey]]] = (0, {})  # of ranks_version, by resource and trial

    @property
    def _n_objectives(self) -> int:
        return len(self._state.judge.objectives)

    @property
    def goal(self) -> int | None:
        """Number of trials to train in all, imported ones apart; 0 once no more are started, None for no goal."""
        return self._goal if self._state.winding_up is None else 0

    @property
    def trials(self) -> Sequence[Trial]:
        """Every trial, by number."""
        return self._state.trials

    @property
    def ranks_version(self) -> int:
        """See ``metaopt.schedulers.View``: the number of results so far under several objectives, else 0."""
        return 0 if self._n_objectives == 1 else len(self._state.arrivals)

    @property
    def exhausted(self) -> Sequence[int]:
        """Number of own trials each time that nothing new was found in a phase."""
        return self._state.exhausted

    @property
    def knowledge(self) -> Sequence[Knowledge]:
        """Knowledge from before the search, or from before one of its runs."""
        return self._state.knowledge

    @property
    def n_own(self) -> int:
        """Number of the study's own trials, running ones included."""
        return self._state.n_own

    @property
    def number(self) -> int:
        """Number of the next new trial."""
        return len(self._state.trials)

    @property
    def running(self) -> int:
        """Number of running trials."""
        return len(self._state.running)

    @property
    def running_numbers(self) -> list[int]:
        """Numbers of the running trials, ascending."""
        return [trial.number for trial in self._state.running]

    @property
    def running_vals(self) -> list[Vals]:
        """Vals of the running trials without any result yet, by number."""
        return [trial.vals for trial in self._state.running if not trial.results]

    @property
    def history(self) -> History:
        """Every trial that has ended or reached a rung, as a sampler reads it."""
        for number in dict.fromkeys(self._state.changes[self._n_changes :]):
            trial = self.trials[number]
            if trial.status in ("ok", "fail") or trial.results:
                place = bisect_left(self._numbers, number)
                is_known = place < len(self._numbers) and self._numbers[place] == number
                replaced = slice(place, place + is_known)
                self._numbers[replaced] = [number]
                self._observations[replaced] = [self._observation(trial)]
        self._n_changes = len(self._state.changes)
        return History(self.space, tuple(self._observations))

    def rank_key(self, trial: TrialView, resource: int) -> RankKey | None:
        """Return the sort key of a trial at a rung; see ``metaopt.schedulers.View``."""
        own = self.trials[trial.number]
        result = own.result_within(resource)
        if result is None or not result.values or own.status in ("fail", "rejected"):
            return None
        key = RANKING.key(result) if self._n_objectives == 1 else self._keys_at(resource)[own.number]
        return (*key, result.training_loss, float(own.number))

    def _keys_at(self, resource: int) -> dict[int, RankKey]:
        """Return the rank key of each trial at a rung, by its place there under several objectives."""
        if self._keys[0] != self.ranks_version:
            self._keys = self.ranks_version, {}
        known = self._keys[1]
        if resource not in known:
            own = [trial for trial in self.trials if trial.status not in ("fail", "rejected")]
            found = [(trial.number, result) for trial in own if (result := trial.result_within(resource)) is not None]
            known[resource] = rank_together([(number, result) for number, result in found if result.values])
        return known[resource]

    def result_of_last_epoch(self, number: int, result: Result) -> Result:
        """Return a result of a trial as its last epoch alone is worth, rather than the best epoch so far.

        A fork has the epochs of its source in its history, so that its best epoch may be one of those. Training time is
        that of all epochs. What a user's own function returned is returned as it is.
        """
        trial = self.trials[number]
        end = result.epochs
        if "loss" in result.returned or not 0 < end <= len(trial.metrics):
            return result
        last, seconds = trial.metrics[end - 1 : end], [sum(trial.seconds[:end])]
        judged = self._state.judge.judge(replace(result, epochs=1), last, seconds, trial.counts)
        return replace(judged, epochs=end, best_epoch=end if judged.values else None)

    def rank_together(self, results: Sequence[tuple[K, Result]]) -> dict[K, RankKey]:
        """Return the rank keys of results that are compared with each other; ``WORST`` for one without a value.

        Args:
            results: (name, result).
        """
        if self._n_objectives == 1:
            return {name: rank_key(result) for name, result in results}
        return rank_together(results)

    def stages(self, vals: Vals) -> TrainingStages | None:
        """Return the stages of the training of a point; None where all of its epochs train the same."""
        return None if self._find_stages is None else self._find_stages(self.space.point(vals))

    def generator(self, purpose: str, attempt: int = 0, number: int | None = None) -> np.random.Generator:
        """Return the generator for one purpose of the next trial, or of anything else with a number.

        Args:
            purpose: e.g. ``"propose"``.
            attempt: number of proposals for the next trial that the guard has already rejected.
            number: number of what is drawn for; None for that of the next trial.
        """
        return randomness.make_generator(self._seed, self.number if number is None else number, purpose, attempt)

    def _observation(self, trial: Trial) -> Observation:
        if trial.status == "fail":
            return Observation(trial.number, trial.vals)
        if not trial.results:  # trained elsewhere
            return observe(trial.number, trial.vals, [self._imported(trial)], is_complete=True)
        *earlier, last = trial.results
        if trial.status == "ok":  # loss-based stopping ended it before its target
            last = replace(last, resource=trial.target_resource)
        return observe(trial.number, trial.vals, [*earlier, last], is_complete=trial.complete)

    def _imported(self, trial: Trial) -> Result:
        return replace(trial.latest(self._state.judge), resource=max(1, trial.epochs))


def observe(number: int, vals: Vals, results: Sequence[Result], *, is_complete: bool) -> Observation:
    """Return a trial as a sampler reads it.

    Args:
        number: its number.
        vals: its values.
        results: its results, ascending; where the last one has no value, the trial counts as failed.
        is_complete: whether it was trained to the end.
    """
    has_failed = not results or not results[-1].values
    return Observation(number, vals, () if has_failed else tuple(each for each in results if each.values), is_complete)
