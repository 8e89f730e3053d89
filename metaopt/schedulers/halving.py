"""Successive halving: many trials are begun, and at each rung the best 1/η of them go on."""

from dataclasses import dataclass, field
from functools import cached_property

from metaopt.schedulers.brackets import Bracket, Rule, brackets
from metaopt.schedulers.decisions import Continue, Propose, SchedulerDecision, Stop, TrialView, View
from metaopt.schedulers.trial_index import TrialIndex, has_value
from metaopt.trials.ranking import RankKey


@dataclass(frozen=True)
class Halving:
    """Successive halving (Jamieson & Talwalkar 2016, arXiv:1502.07943) with the first of Hyperband's brackets, again
    and again until the goal of trials is reached.

    When every trial of a rung has been trained to it, the best go on. The others are told to stop, as soon as so many
    are better that they can win no more. A bracket that can do nothing before a running trial reports gives its free
    worker to the next bracket.

    A trial that fails counts in its rung and goes on no more; a rung without any left ends its bracket. A trial that
    ended by itself takes the places that it wins, and none trains for them. If the goal ends a bracket before it is
    full, the trials that it has go on by the same cuts: of m trials rung i gets max(1, ⌊m · η^−i⌋).

    Attributes:
        resource: R, of a fully trained trial.
        eta: η, the cut from one rung to the next.
        min_resource: the least of the first rung.
        rule: see ``brackets``.

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
        """(n_i, r_i) of the rungs of a bracket, which are numbered from 0 over the whole search."""
        return self._brackets[0]

    def next(self, view: View) -> SchedulerDecision:
        """The oldest bracket's decision that has one, else a new bracket's first trial."""
        index = _Brackets.of(view, self)
        index.take_in(view)
        room = index.has_room(view)
        for bracket in list(index.open.values()):
            decision = self._advance(view, index, bracket, room)
            if decision is not None:
                return decision
        return Propose(self.rungs(index.begun)[0][1], index.begun) if room else index.end(view)

    def rung_levels(self, bracket: int | None) -> tuple[int, ...]:
        """The rungs of the bracket."""
        return tuple(resource for _, resource in self.rungs(bracket or 0))

    def pauses(self, trial: TrialView) -> bool:
        """Return whether the trial is below R."""
        return trial.target_resource < self.resource

    def _advance(self, view: View, index: "_Brackets", bracket: "_Bracket", room: bool) -> SchedulerDecision | None:
        """What a bracket has a worker do; nothing if it is over, or waits for a running trial."""
        if bracket.waits:
            return None
        rungs = self.rungs(bracket.number)
        size, lowest = rungs[0]
        members = [trial for number in bracket.members if (trial := view.trials[number]).status != "rejected"]
        # What went on from its first rung gets no new trials, even if the goal ended that rung early and was raised.
        full = len(members) >= size or any(trial.target_resource > lowest for trial in members)
        here = members
        for i, (_, resource) in enumerate(rungs):
            waiting = any(trial.status == "running" and trial.target_resource <= resource for trial in here)
            gone_on = [trial for trial in here if trial.target_resource > resource]
            # As long as trials may come it could become full, be it that the guard refuses one of another bracket.
            begun = size if not full and (room or waiting) else len(members)
            places = max(1, begun // self.eta ** (i + 1)) - len(gone_on) if i + 1 < len(rungs) else 0
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
            here = gone_on + winners
        if full:
            del index.open[bracket.number]
        return None


@dataclass
class _Bracket:
    """A bracket that is not over.

    Attributes:
        number: from 0 over the whole search.
        members: numbers of the trials that were started in it.
        waits: it is full, and can do nothing before a trial of it comes to rest.
    """

    number: int
    members: list[int] = field(default_factory=list)
    waits: bool = False
    _rank_keys: dict[tuple[int, int], RankKey | None] = field(default_factory=dict)

    def ranked(self, view: View, trials: list[TrialView], resource: int) -> list[TrialView]:
        """Those that can hold a place in the rung above, the best first: paused ones and complete ones."""
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
    """The brackets of a search that are not over.

    Attributes:
        open: number → bracket, ascending.
        begun: how many were begun, with those that are over.
    """

    def __init__(self) -> None:
        super().__init__()
        self.open: dict[int, _Bracket] = {}
        self.begun = 0

    def take_in(self, view: View) -> None:
        """Reads what is new; trials of no bracket, which another scheduler started, count towards the goal only."""
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
