"""Index of a scheduler over a study, so that each trial is read once instead of before each decision.

An index holds only facts that no longer change, and is cached in the view. Decisions are the same without it. It is
made anew where rank keys may have changed.
"""

from collections.abc import Iterable
from typing import Any, TypeVar

from metaopt.schedulers.decisions import Done, SchedulerDecision, Stop, TrialView, View, Wait
from metaopt.trials.ranking import RankKey

B = TypeVar("B", bound="TrialIndex")


class TrialIndex:
    """Trials of a study, read in their order.

    Attributes:
        trained: number of trials that count towards the goal: those neither imported nor rejected.
    """

    def __init__(self) -> None:
        self.trained = 0
        self._ranks_version = 0
        self._read = 0
        self._ended = 0  # every trial before this one has ended for good
        self._watched: dict[int, None] = {}

    @property
    def running(self) -> bool:
        """Whether a watched trial is running; cheaper than counting in the view."""
        return bool(self._watched)

    @classmethod
    def of(cls: type[B], view: View, owner: Any) -> B:
        """Return the index of a scheduler in a view, a new one where there is none for these rank keys."""
        index = view.cache.get(owner)
        if index is None or index._ranks_version != view.ranks_version:
            index = view.cache[owner] = cls()
            index._ranks_version = view.ranks_version
        return index

    def watch(self, numbers: Iterable[int]) -> None:
        """Watch known trials that were resumed, so that ``news`` returns them when they come to rest."""
        self._watched.update(dict.fromkeys(numbers))

    def news(self, view: View) -> list[TrialView]:
        """Return trials that are new, or watched and came to rest, without imported ones; new ones are watched."""
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
        """Return whether the goal allows a new trial."""
        return view.goal is None or self.trained < view.goal

    def end(self, view: View) -> SchedulerDecision:
        """Return the decision where nothing can be started: wait, stop paused trials, then done."""
        if self.running:
            return Wait()
        trials = view.trials
        while self._ended < len(trials) and trials[self._ended].status != "paused":
            self._ended += 1
        return Stop(self._ended) if self._ended < len(trials) else Done()


def has_value(rank_key: RankKey | None) -> bool:
    """Return whether a rank key can be compared; a key with NaN cannot."""
    return rank_key is not None and all(number == number for number in rank_key)
