"""From a strategy's proposal to a network that may be trained: repaired, drawn again if it is a repetition."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from metaopt.engine.phases import Growing
from metaopt.engine.strategy import Strategy
from metaopt.engine.view import StudyView
from metaopt.errors import UserError
from metaopt.guard import DUPLICATE, Guard, Stacks, Verdict
from metaopt.guard.repair import Enlargement, Repair
from metaopt.schedulers import Start
from metaopt.spaces import Space, Vals
from metaopt.trials.constraints import CHEAP, Limit

REDRAWS = 20  # proposals by the sampler for one trial, a dozen milliseconds each
PRIOR_DRAWS = 5_000  # draws from the prior after those, a fraction of one each, before the search gives up
PRIOR_REPAIRS = 100  # of them, a few milliseconds each


@dataclass(frozen=True)
class Accepted:
    """A proposal that passed the guard.

    Attributes:
        vals: what is to be trained.
        point: the same as a point.
        to: the resource to train it to.
        network: what the guard knows of it, see ``Verdict``.
        rejected: why others were refused before it, reason → how many.
    """

    vals: Vals
    point: Any
    to: int
    network: dict[str, Any]
    rejected: dict[str, int]


class NothingPasses(Exception):
    """No proposal passed within the bounded number of draws.

    Attributes:
        rejected: reason → how many.
        smallest: limit's name → the smallest value that was reached.
        limits: those that were in force.
    """

    def __init__(self, rejected: Counter[str], smallest: dict[str, float], limits: Sequence[Limit]) -> None:
        super().__init__(dict(rejected))
        self.rejected = rejected
        self.smallest = smallest
        self.limits = limits

    @property
    def exhausted(self) -> bool:
        """Whether all that passes has been trained, rather than nothing passing at all."""
        return self.rejected[DUPLICATE] > 0

    def explain(self) -> UserError:
        """The error to end a search with where nothing passes at all."""
        counts = ", ".join(f"{reason} {count}" for reason, count in self.rejected.most_common())
        reached = "".join(
            f"; the smallest {limit.name} reached is {self.smallest[limit.name]:,} (limit {limit.bound:,.0f})"
            for limit in self.limits
            if limit.distance(self.smallest.get(limit.name, -math.inf)) > 0
        )
        return UserError(
            f"no network of the space passes: {self.rejected.total()} draws were rejected ({counts}){reached}; loosen"
            " the limits, enlarge the images, or change the space."
        )


@dataclass(frozen=True)
class _Gate:
    """What proposals go through in one phase of a search."""

    guard: Guard
    stacks: Stacks
    repair: Repair
    enlargement: Enlargement | None


class Proposer:
    """Finds, for one new trial after the other, a proposal that passes the guard."""

    def __init__(
        self,
        strategy: Strategy,
        guard: Guard,
        space: Space,
        view: StudyView,
        growing: Growing | None = None,
        fill: float | None = None,
    ) -> None:
        """A proposer.

        Args:
            strategy: proposes.
            guard: decides; under the limit of the phase, too, where a search has phases.
            space: of the proposals.
            view: of the study.
            growing: the phases, or None.
            fill: the share of its tightest limit that a network is to use, or None.
        """
        self._strategy = strategy
        self._guard = guard
        self._space = space
        self._view = view
        self._growing = growing
        self._fill = fill
        self._gates: dict[int, _Gate] = {}

    def accept(self, first: Start, trained: set[str]) -> Accepted:
        """The strategy's proposal, repaired if it must be, or the first of what follows it that passes.

        A proposal that the guard refuses is repaired at once: drawing again until one passes would prefer what passes
        often, shallow stacks to deep ones. What was trained before is drawn again. A repair that finds nothing takes
        seconds, so that it is the last one.

        Args:
            first: what the strategy proposed.
            trained: signatures of all that was trained.

        Raises:
            NothingPasses: none did.
        """
        refusals = Refusals()
        repairs = REDRAWS + PRIOR_REPAIRS
        gate = self._gate()

        def passes(vals: Vals) -> bool:
            return gate.guard.judge(self._space.point(vals), trained).reason is None

        try:
            for proposed in self._proposals(first):
                vals = gate.stacks.fitted(proposed, self._view.generator("grow"), passes)
                accepted = self._judge(vals, first.to, gate, trained, refusals)
                if accepted is None and refusals.latest != DUPLICATE and repairs > 0:
                    repaired = gate.repair(vals, self._view.generator("repair"))
                    refusals.lower(repaired.smallest)
                    repairs = repairs - 1 if repaired.vals is not None else 0
                    if repaired.vals is not None:
                        accepted = self._judge(repaired.vals, first.to, gate, trained, refusals)
                if accepted is not None and gate.enlargement is not None:
                    larger = gate.enlargement(accepted.vals, self._view.generator("fill"))
                    if larger != accepted.vals:
                        accepted = self._judge(larger, first.to, gate, trained, refusals)
                if accepted is not None:
                    return accepted
        finally:
            self._view.attempt = 0
        raise NothingPasses(refusals.reasons, refusals.smallest, gate.guard.limits)

    def _gate(self) -> _Gate:
        """That of the phase of the next trial."""
        growing = self._growing
        phase = 0 if growing is None else growing.phase(self._view)
        if phase not in self._gates:
            guard = self._guard if growing is None else growing.guard(self._guard, phase)
            stacks = Stacks(self._space) if growing is None else growing.stacks(self._space, phase)
            repair = Repair(self._space, guard, stacks)
            fill = None if self._fill is None else Enlargement(self._space, guard, self._fill, repair, stacks)
            self._gates[phase] = _Gate(guard, stacks, repair, fill)
        return self._gates[phase]

    def _judge(self, vals: Vals, to: int, gate: _Gate, trained: set[str], refusals: "Refusals") -> Accepted | None:
        """What the guard lets through; None, and noted down, where it refuses."""
        point = self._space.point(vals)
        verdict = gate.guard.judge(point, trained)
        if verdict.reason is None:
            return Accepted(vals, point, to, verdict.network, dict(refusals.reasons))
        refusals.note(verdict)
        return None

    def _proposals(self, first: Start) -> Iterator[Vals]:
        """The sampler's proposals, then draws from the prior; each as another attempt of the view."""
        for attempt in range(REDRAWS):
            self._view.attempt = attempt
            again = first if attempt == 0 else self._strategy.next(self._view)
            assert isinstance(again, Start), "a strategy that starts a trial starts one at every attempt"
            yield again.vals
        for _ in range(PRIOR_DRAWS):
            self._view.attempt += 1
            yield self._space.draw(self._view.generator("prior"))


class Refusals:
    """Why proposals for one trial were refused.

    Attributes:
        reasons: reason → how many.
        latest: the last one.
        smallest: limit's name → the smallest value that was reached.
    """

    def __init__(self) -> None:
        self.reasons: Counter[str] = Counter()
        self.latest = ""
        self.smallest: dict[str, float] = {}

    def note(self, verdict: Verdict) -> None:
        """Takes in what the guard refused."""
        assert verdict.reason is not None
        self.latest = verdict.reason
        self.reasons[verdict.reason] += 1
        self.lower({name: verdict.network[name] for name in CHEAP if name in verdict.network})

    def lower(self, values: dict[str, float]) -> None:
        """Takes in values that were reached."""
        for name, value in values.items():
            self.smallest[name] = min(self.smallest.get(name, math.inf), value)
