"""ASHA: successive halving that waits for no rung to be full, so that every worker always has something to train."""

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

    A free worker goes on with the best paused trial of the highest rung of which it is among the best 1/η, of n trials
    the best ⌊n / η⌋ of those that reached the rung; where there is none, it starts a new trial. All others stay paused,
    as later trials may let them in. They are told to stop at the end of the search; before, if no trial was fully
    trained, the best one of the highest rung goes on until one is.

    With ``stopping``, a trial that reaches a rung goes on at once if it is among the best max(1, ⌊n / η⌋) of the n that
    have reached it, and else it is over.

    A trial that fails counts in the rungs that it reached and the one that it was trained to. A trial that ended by
    itself counts in the rungs above as well, as long as it is among the best 1/η of the one below.

    Attributes:
        resource: R, of a fully trained trial.
        eta: η, the cut from one rung to the next.
        min_resource: the least of the first rung, which is R // η^s for the largest s that keeps it.
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
        """A promotion, else a new trial."""
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
        """The decision on a paused trial that can be taken now, of the highest rung where there is one."""
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
        """A new trial, or what is to be done at the end of the search."""
        if index.has_room(view):
            return Propose(self.rungs[0])
        if not index.running and not index.complete:
            for rung, resource in reversed(list(zip(index.rungs[:-1], self.rungs[1:], strict=True))):
                if rung.paused and rung.paused[0][0] is not WORST:
                    return Continue(rung.paused[0][1], resource)
        return index.end(view)

    def _places(self, rung: "_Rung", visitors: Sequence[RankKey]) -> int:
        """How many may go on from a rung, but for those that did and failed."""
        places = (rung.size + len(visitors)) // self.eta - rung.lost
        return max(1, places) if self.stopping else places


@dataclass
class _Rung:
    """What reached a rung.

    Attributes:
        level: from 0, the lowest.
        rank_keys: of the trials that reached it, ascending; those that have failed since apart.
        failed: how many have no rank_key here, because they failed on the way here or have no value.
        lost: how many went on from here and failed.
        paused: a heap of (rank_key, number) of those that are paused here; one may have gone on.
    """

    level: int
    rank_keys: list[RankKey] = field(default_factory=list)
    failed: int = 0
    lost: int = 0
    paused: list[tuple[RankKey, int]] = field(default_factory=list)

    @property
    def size(self) -> int:
        """How many trials count here."""
        return len(self.rank_keys) + self.failed + self.lost

    def rank(self, rank_key: RankKey, visitors: Sequence[RankKey]) -> int:
        """How many are better here."""
        return bisect_left(self.rank_keys, rank_key) + bisect_left(visitors, rank_key)


class _Rungs(TrialIndex):
    """What reached each rung, kept up to date in the order in which trials come to rest.

    Attributes:
        rungs: the lowest first.
        complete: how many trials are fully trained.
    """

    def __init__(self) -> None:
        super().__init__()
        self.rungs: list[_Rung] = []
        self.complete = 0
        self._entered: dict[int, list[RankKey]] = {}  # by trial, its rank_key at each rung that it reached, from 0
        self._early: list[tuple[int, RankKey]] = []  # complete below R: the highest rung it reached, its rank_key

    def take_in(self, view: View, resources: Sequence[int]) -> None:
        """Reads what is new."""
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
        """By rung, the rank_keys of complete trials that hold a place there without having been trained to it.

        Args:
            places: how many trials of a rung, with its visitors, hold a place in the rung above.
        """
        found: list[list[RankKey]] = [[] for _ in self.rungs]
        for rung in self.rungs[:-1] if self._early else ():
            here = found[rung.level]
            best = places(rung, here)
            candidates = [*here, *(rank_key for highest, rank_key in self._early if highest == rung.level)]
            found[rung.level + 1] = sorted(each for each in candidates if rung.rank(each, here) < best)
        return found

    def _enter(self, view: View, trial: TrialView, resources: Sequence[int]) -> None:
        """A trial that runs has reached the rungs below that to which it is trained."""
        known = self._entered.setdefault(trial.number, [])
        reached = bisect_left(resources, trial.target_resource + (trial.status != "running"))
        for rung, resource in list(zip(self.rungs, resources, strict=True))[len(known) : reached]:
            rank_key = view.rank_key(trial, resource)
            if rank_key is None and trial.status == "running":  # another scheduler's, on its way to R
                break
            known.append(rank_key if rank_key is not None and has_value(rank_key) else WORST)
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
        """A trial that failed keeps its place in the rungs that it went on from; which place it was does not matter."""
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
