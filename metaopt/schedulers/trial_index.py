"""What a scheduler has read of a study, so that each trial is read once and not before each decision.

An index holds only what changes no more, and is kept in the view: without it, the same decisions follow.
"""

from collections.abc import Iterable
from typing import Any, TypeVar

from metaopt.schedulers.decisions import Done, SchedulerDecision, Stop, TrialView, View, Wait
from metaopt.trials.ranking import RankKey

B = TypeVar("B", bound="TrialIndex")


class TrialIndex:
    """The trials of a study, read from the first to the last.

    Attributes:
        trained: trials that count towards the goal: those that are neither imported nor rejected.
    """

    def __init__(self) -> None:
        self.trained = 0
        self._read = 0
        self._ended = 0  # every trial before this one has ended for good
        self._watched: dict[int, None] = {}

    @property
    def running(self) -> bool:
        """Whether a trial runs, as far as all that went on were watched; the view would count them each time."""
        return bool(self._watched)

    @classmethod
    def of(cls: type[B], view: View, owner: Any) -> B:
        """The index of a scheduler in a view, a new one where there is none yet."""
        index = view.cache.get(owner)
        if index is None:
            index = view.cache[owner] = cls()
        return index

    def watch(self, numbers: Iterable[int]) -> None:
        """Trials that are known and run again, to be told of when they come to rest."""
        self._watched.update(dict.fromkeys(numbers))

    def news(self, view: View) -> list[TrialView]:
        """Trials that are new, or watched and run no more; imported ones are passed over. New ones are watched."""
        trials = view.trials
        rested = [trial for number in self._watched if (trial := trials[number]).status != "running"]
        for trial in rested:
            del self._watched[trial.number]
            self.trained -= trial.status == "rejected"  # it was counted when it was new
        new = [trial for number in range(self._read, len(trials)) if not (trial := trials[number]).imported]
        self.watch(trial.number for trial in new if trial.status == "running")
        self.trained += sum(trial.status != "rejected" for trial in new)
        self._read = len(trials)
        return rested + new

    def has_room(self, view: View) -> bool:
        """Whether the goal allows of a new trial."""
        return view.goal is None or self.trained < view.goal

    def end(self, view: View) -> SchedulerDecision:
        """What is left to do where nothing can be started: wait, let go of paused trials, and then nothing."""
        if self.running:
            return Wait()
        trials = view.trials
        while self._ended < len(trials) and trials[self._ended].status != "paused":
            self._ended += 1
        return Stop(self._ended) if self._ended < len(trials) else Done()


def has_value(rank_key: RankKey | None) -> bool:
    """Whether a trial has a rank_key that others can be compared with; a loss that is no number is none."""
    return rank_key is not None and all(number == number for number in rank_key)
