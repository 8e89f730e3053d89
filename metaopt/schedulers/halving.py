"""Successive halving: at each rung the best 1/η of the trials are promoted."""

from dataclasses import dataclass, field
from functools import cached_property

from metaopt.schedulers.brackets import Bracket, Rule, brackets
from metaopt.schedulers.decisions import Continue, Propose, SchedulerDecision, Stop, TrialView, View
from metaopt.schedulers.trial_index import TrialIndex, has_value
from metaopt.trials.ranking import RankKey


@dataclass(frozen=True)
class Halving:
    """Successive halving (Jamieson & Talwalkar 2016, arXiv:1502.07943) with the first of Hyperband's brackets.

    Brackets are repeated until the goal of trials is reached. When every trial of a rung has been trained to it, the
    best are promoted. The others are stopped as soon as too many are better for them to be promoted. A bracket that
    waits for a running trial leaves its free worker to the next bracket.

    A failed trial counts in its rung and is not promoted; a rung without any trial left ends its bracket. A trial that
    ended by itself takes the places that it wins, and no other is trained for them. If the goal ends a bracket before
    it is full, its trials are cut in the same way: of m trials rung i gets max(1, ⌊m · η^−i⌋).

    Attributes:
        resource: R, the resource of a fully trained trial.
        eta: η, the reduction factor from one rung to the next.
        min_resource: the minimum of the first rung.
        rule: rounding rule, see ``brackets``.

    Raises:
        UserError: see ``brackets``.
    """

    resource: int
    eta: int = 3
    min_resource: int = 1
    rule: Rule = "ceil"

    def __post_init__(self) -> None:
        brackets(self.resource, self.eta, self.rule, self.min_resource)

    @cached_property
    def _brackets(self) -> list[Bracket]:
        return brackets(self.resource, self.eta, self.rule, self.min_resource)

    def rungs(self, number: int) -> Bracket:  # noqa: ARG002 - Hyperband's differ
        """Return (n_i, r_i) of the rungs of a bracket; brackets are numbered from 0 over the whole search."""
        return self._brackets[0]

    def next(self, view: View) -> SchedulerDecision:
        """Return the decision of the oldest bracket that has one, else the first trial of a new bracket."""
        index = _Brackets.of(view, self)
        index.take_in(view)
        room = index.has_room(view)
        for bracket in list(index.open.values()):
            decision = self._advance(view, index, bracket, room)
            if decision is not None:
                return decision
        return Propose(self.rungs(index.begun)[0][1], index.begun) if room else index.end(view)

    def rung_levels(self, bracket: int | None) -> tuple[int, ...]:
        """Return the rungs of the bracket."""
        return tuple(resource for _, resource in self.rungs(bracket or 0))

    def pauses(self, trial: TrialView) -> bool:
        """Return whether the trial is below R."""
        return trial.target_resource < self.resource

    def _advance(self, view: View, index: "_Brackets", bracket: "_Bracket", room: bool) -> SchedulerDecision | None:
        """Return the decision of a bracket; None if it is over, or waits for a running trial."""
        if bracket.waits:
            return None
        rungs = self.rungs(bracket.number)
        size, lowest = rungs[0]
        members = [trial for number in bracket.members if (trial := view.trials[number]).status != "rejected"]
        # Once a trial was promoted from the first rung, no new trial may join it, even if the goal is raised.
        full = len(members) >= size or any(trial.target_resource > lowest for trial in members)
        here = members
        for i, (_, resource) in enumerate(rungs):
            waiting = any(trial.status == "running" and trial.target_resource <= resource for trial in here)
            promoted = [trial for trial in here if trial.target_resource > resource]
            # While trials may still join, it counts as full: a rejected trial of another bracket also gives it room.
            begun = size if not full and (room or waiting) else len(members)
            places = max(1, begun // self.eta ** (i + 1)) - len(promoted) if i + 1 < len(rungs) else 0
            ranked = bracket.ranked(view, [trial for trial in here if trial.target_resource <= resource], resource)
            winners = ranked[: max(0, places)]
            won = {trial.number for trial in winners}
            for trial in here:
                if trial.status == "paused" and trial.target_resource <= resource and trial.number not in won:
                    return Stop(trial.number)
            if room and not full:
                return Propose(lowest, bracket.number)
            if waiting:
                bracket.waits = full
                index.watch(trial.number for trial in members if trial.status == "running")
                return None
            for trial in winners:
                if trial.status == "paused":
                    return Continue(trial.number, rungs[i + 1][1])
            here = promoted + winners
        if full:
            del index.open[bracket.number]
        return None


@dataclass
class _Bracket:
    """An open bracket.

    Attributes:
        number: from 0 over the whole search.
        members: numbers of its trials.
        waits: whether it is full and waits for a trial to come to rest.
    """

    number: int
    members: list[int] = field(default_factory=list)
    waits: bool = False
    _rank_keys: dict[tuple[int, int], RankKey | None] = field(default_factory=dict)

    def ranked(self, view: View, trials: list[TrialView], resource: int) -> list[TrialView]:
        """Return the trials that may count in the rung above, the best first: paused and complete ones."""
        found = []
        for trial in trials:
            if trial.status == "paused" or (trial.status == "ok" and trial.complete):
                key = trial.number, resource
                if key not in self._rank_keys:
                    rank_key = view.rank_key(trial, resource)
                    self._rank_keys[key] = rank_key if has_value(rank_key) else None
                if (rank_key := self._rank_keys[key]) is not None:
                    found.append((rank_key, trial.number, trial))
        return [trial for *_, trial in sorted(found, key=lambda each: each[:2])]


class _Brackets(TrialIndex):
    """Index of the open brackets of a search.

    Attributes:
        open: number → bracket, ascending.
        begun: number of brackets so far, closed ones included.
    """

    def __init__(self) -> None:
        super().__init__()
        self.open: dict[int, _Bracket] = {}
        self.begun = 0

    def take_in(self, view: View) -> None:
        """Read new trials and changes; trials without a bracket, of another scheduler, only count towards the goal."""
        read = self._read
        for trial in self.news(view):
            if trial.bracket is None:
                continue
            if trial.bracket >= self.begun:
                self.open.update({number: _Bracket(number) for number in range(self.begun, trial.bracket + 1)})
                self.begun = trial.bracket + 1
            bracket = self.open.get(trial.bracket)
            if bracket is None:
                continue
            if trial.number >= read:
                bracket.members.append(trial.number)
            bracket.waits = False
