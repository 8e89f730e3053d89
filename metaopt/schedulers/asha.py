"""ASHA: asynchronous successive halving, which keeps every worker busy."""

import heapq
from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from metaopt.schedulers.brackets import brackets
from metaopt.schedulers.decisions import Continue, Propose, SchedulerDecision, Stop, TrialView, View
from metaopt.schedulers.trial_index import TrialIndex, has_value
from metaopt.trials.ranking import WORST, RankKey


@dataclass(frozen=True)
class ASHA:
    """Asynchronous successive halving (Li et al. 2020, arXiv:1810.05934, algorithm 2), on the rungs of ``Halving``.

    A free worker promotes the best paused trial of the highest rung that is among the best ⌊n / η⌋ of the n trials that
    reached its rung; where there is none, it starts a new trial. All others stay paused, as later trials may make room
    for them. They are stopped at the end of the search. If no trial was fully trained by then, the best one of the
    highest rung is promoted until one is.

    With ``stopping``, a trial that reaches a rung is promoted at once if it is among the best max(1, ⌊n / η⌋) of the n
    that have reached it, and otherwise stopped.

    A failed trial counts in the rungs that it reached and in the one that it was trained to, as does a discarded one,
    which leaves its place in the rung where it ended to the next. A trial that ended by itself counts in the rungs
    above as well, as long as it is among the best 1/η of the rung below.

    Attributes:
        resource: R, the resource of a fully trained trial.
        eta: η, the reduction factor from one rung to the next.
        min_resource: the minimum of the first rung, which is R // η^s for the largest s that allows it.
        stopping: see above.

    Raises:
        UserError: see ``brackets``.
    """

    resource: int
    eta: int = 3
    min_resource: int = 1
    stopping: bool = False

    def __post_init__(self) -> None:
        brackets(self.resource, self.eta, min_epochs=self.min_resource)

    @cached_property
    def rungs(self) -> list[int]:
        """The resource of each rung, ascending; the last is R."""
        return [resource for _, resource in brackets(self.resource, self.eta, min_epochs=self.min_resource)[0]]

    def next(self, view: View) -> SchedulerDecision:
        """Return a promotion, else a new trial."""
        index = _Rungs.of(view, self)
        index.take_in(view, self.rungs)
        return self._promote(index) or self._start(view, index)

    def rung_levels(self, bracket: int | None) -> tuple[int, ...]:  # noqa: ARG002 - there is one
        """Return the rungs."""
        return tuple(self.rungs)

    def pauses(self, trial: TrialView) -> bool:
        """Return whether the trial is below R."""
        return trial.target_resource < self.resource

    def _promote(self, index: "_Rungs") -> SchedulerDecision | None:
        """Return the decision on a paused trial of the highest rung that has one; None if there is none."""
        visitors = index.visitors(self._places)
        for rung, resource in reversed(list(zip(index.rungs[:-1], self.rungs[1:], strict=True))):
            if not rung.paused:
                continue
            rank_key, number = rung.paused[0]
            here = visitors[rung.level]
            if rank_key is not WORST and rung.rank(rank_key, here) < self._places(rung, here):
                return Continue(number, resource)
            if self.stopping:
                return Stop(number)
        return None

    def _start(self, view: View, index: "_Rungs") -> SchedulerDecision:
        """Return a new trial, or the decision at the end of the search."""
        if index.has_room(view):
            return Propose(self.rungs[0])
        if not index.running and not index.complete:
            for rung, resource in reversed(list(zip(index.rungs[:-1], self.rungs[1:], strict=True))):
                if rung.paused and rung.paused[0][0] is not WORST:
                    return Continue(rung.paused[0][1], resource)
        return index.end(view)

    def _places(self, rung: "_Rung", visitors: Sequence[RankKey]) -> int:
        """Return how many trials a rung may promote, without those that were promoted and failed."""
        places = (rung.size + len(visitors)) // self.eta - rung.lost
        return max(1, places) if self.stopping else places


@dataclass
class _Rung:
    """Trials that reached a rung.

    Attributes:
        level: index of the rung, from 0, the lowest.
        rank_keys: keys of the trials that reached it, ascending, without those that have failed since.
        failed: number of trials without a key here: they failed on the way, were discarded here or have no value.
        lost: number of trials that were promoted from here and failed.
        paused: a heap of (rank key, number) of the trials that are paused here; one may have been resumed since.
    """

    level: int
    rank_keys: list[RankKey] = field(default_factory=list)
    failed: int = 0
    lost: int = 0
    paused: list[tuple[RankKey, int]] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Number of trials that count here."""
        return len(self.rank_keys) + self.failed + self.lost

    def rank(self, rank_key: RankKey, visitors: Sequence[RankKey]) -> int:
        """Return the number of better trials here."""
        return bisect_left(self.rank_keys, rank_key) + bisect_left(visitors, rank_key)


class _Rungs(TrialIndex):
    """Index of the trials by rung, updated in the order in which they come to rest.

    Attributes:
        rungs: the lowest first.
        complete: number of fully trained trials.
    """

    def __init__(self) -> None:
        super().__init__()
        self.rungs: list[_Rung] = []
        self.complete = 0
        self._entered: dict[int, list[RankKey]] = {}  # trial → its key at each rung that it reached
        self._early: list[tuple[int, RankKey]] = []  # complete below R: (highest rung, key)

    def take_in(self, view: View, resources: Sequence[int]) -> None:
        """Read new trials and changes."""
        if not self.rungs:
            self.rungs = [_Rung(level) for level in range(len(resources))]
        for rung, resource in zip(self.rungs, resources, strict=True):
            while rung.paused and not _is_paused(view.trials[rung.paused[0][1]], resource):
                self.watch([heapq.heappop(rung.paused)[1]])
        for trial in self.news(view):
            if trial.status == "fail":
                self._lose(trial, resources)
            elif trial.status != "rejected":
                self._enter(view, trial, resources)

    def visitors(self, places: Callable[[_Rung, Sequence[RankKey]], int]) -> list[list[RankKey]]:
        """Return by rung the keys of complete trials that count there without having been trained to it.

        Args:
            places: number of trials of a rung, with its visitors, that count in the rung above.
        """
        found: list[list[RankKey]] = [[] for _ in self.rungs]
        for rung in self.rungs[:-1] if self._early else ():
            here = found[rung.level]
            best = places(rung, here)
            candidates = [*here, *(rank_key for highest, rank_key in self._early if highest == rung.level)]
            found[rung.level + 1] = sorted(each for each in candidates if rung.rank(each, here) < best)
        return found

    def _enter(self, view: View, trial: TrialView, resources: Sequence[int]) -> None:
        """Enter a trial into the rungs that it reached; a running one has reached those below its target."""
        known = self._entered.setdefault(trial.number, [])
        reached = bisect_left(resources, trial.target_resource + (trial.status != "running"))
        for rung, resource in list(zip(self.rungs, resources, strict=True))[len(known) : reached]:
            rank_key = view.rank_key(trial, resource)
            if rank_key is None and trial.status == "running":  # of another scheduler, training to R in one job
                break
            ended_here = trial.is_discarded and trial.target_resource <= resource
            known.append(rank_key if rank_key is not None and has_value(rank_key) and not ended_here else WORST)
            if known[-1] is WORST:
                rung.failed += 1
            else:
                insort(rung.rank_keys, known[-1])
        if trial.status == "ok" and trial.complete:
            self.complete += 1
            if 0 < reached < len(resources) and known[-1] is not WORST:
                self._early.append((reached - 1, known[-1]))
        if reached > 0 and _is_paused(trial, resources[reached - 1]):
            heapq.heappush(self.rungs[reached - 1].paused, (known[-1], trial.number))

    def _lose(self, trial: TrialView, resources: Sequence[int]) -> None:
        """Count a failed trial in the rungs that it was promoted from, without its key."""
        known = self._entered.pop(trial.number, [])
        for rung, rank_key in zip(self.rungs, known, strict=False):
            if rank_key is WORST:
                rung.failed -= 1
            else:
                del rung.rank_keys[bisect_left(rung.rank_keys, rank_key)]
        for rung, resource in zip(self.rungs, resources, strict=True):
            rung.lost += resource < trial.target_resource
            rung.failed += resource == trial.target_resource


def _is_paused(trial: TrialView, resource: int) -> bool:
    return trial.status == "paused" and trial.target_resource == resource
