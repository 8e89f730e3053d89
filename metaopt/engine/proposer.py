"""Proposer: finds a valid, affordable and new network for the next trial, by repair and by further draws."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from metaopt.engine.phases import Phases
from metaopt.engine.strategy import Strategy
from metaopt.engine.view import StudyView
from metaopt.errors import UserError
from metaopt.guard import DUPLICATE, Guard, Stacks
from metaopt.guard.latency_model import LatencyModel
from metaopt.guard.rejections import Rejections
from metaopt.guard.repair import Enlargement, Repair
from metaopt.schedulers import Start
from metaopt.spaces import Space, Vals
from metaopt.trials.constraints import LATENCY

REDRAWS = 20  # proposals of the sampler for one trial, a dozen milliseconds each
PRIOR_DRAWS = 5_000  # draws from the prior after those, a fraction of a millisecond each, before the search gives up
PRIOR_REPAIRS = 100  # repairs of those draws, a few milliseconds each


@dataclass(frozen=True)
class Accepted:
    """A proposal that passed the guard.

    Attributes:
        vals: label → value of every active hyperparameter.
        point: the same as a point.
        network: the guard's counts, see ``Verdict``.
        rejected: number of proposals that were rejected before it, by reason.
    """

    vals: Vals
    point: Any
    network: dict[str, Any]
    rejected: dict[str, int]


class NothingPasses(Exception):
    """No proposal passed the guard within the bounded number of draws.

    Attributes:
        rejections: the rejected proposals.
        guard: rejected them.
    """

    def __init__(self, rejections: Rejections, guard: Guard) -> None:
        super().__init__(dict(rejections.reasons))
        self.rejections = rejections
        self.guard = guard

    @property
    def rejected(self) -> Counter[str]:
        """Number of rejected proposals by reason."""
        return self.rejections.reasons

    @property
    def is_exhausted(self) -> bool:
        """Whether every network that passes has been trained, rather than none passing at all."""
        return self.rejections.are_exhausted

    def explain(self) -> UserError:
        """Return the error that ends a search in which nothing passes at all."""
        return self.rejections.explain(self.guard)


@dataclass(frozen=True)
class _Gate:
    """Guard, repair and enlargement of one phase of a search."""

    guard: Guard
    stacks: Stacks
    repair: Repair
    enlargement: Enlargement | None


class Proposer:
    """Finds a proposal that passes the guard, for one new trial after the other.

    Args:
        strategy: proposes.
        guard: judges, with the constraint of the phase where a search has phases.
        space: space of the proposals.
        view: the study so far.
        phases: the phases, or None.
        fill: the share of its tightest constraint that a network is to use, or None.
    """

    def __init__(
        self,
        strategy: Strategy,
        guard: Guard,
        space: Space,
        view: StudyView,
        phases: Phases | None = None,
        fill: float | None = None,
    ) -> None:
        self._strategy = strategy
        self._guard = guard
        self._space = space
        self._view = view
        self._phases = phases
        self._fill = fill
        self._gates: dict[int, _Gate] = {}
        self._limits_latency = any(each.name == LATENCY for each in guard.constraints)

    def accept(self, first: Start, trained: set[str]) -> Accepted:
        """Return the strategy's proposal, repaired if need be, or the first later one that passes the guard.

        A rejected proposal is repaired at once: drawing again until one passes would prefer what passes often, shallow
        stacks to deep ones. A duplicate is drawn again. A repair that finds nothing takes seconds, so it is the last.

        Args:
            first: the strategy's proposal.
            trained: signatures of all networks that were trained.

        Raises:
            NothingPasses: None did.
        """
        rejections = Rejections()
        repairs = REDRAWS + PRIOR_REPAIRS
        gate = self._gate()

        def passes(vals: Vals) -> bool:
            return gate.guard.judge(self._space.point(vals), trained, vals).reason is None

        for attempt, proposed in enumerate(self._proposals(first)):
            vals = gate.stacks.fitted(proposed, self._view.generator("grow", attempt), passes)
            accepted = self._judge(vals, gate, trained, rejections)
            if accepted is None and rejections.latest != DUPLICATE and repairs > 0:
                repaired = gate.repair(vals, self._view.generator("repair", attempt))
                rejections.lower(repaired.smallest)
                repairs = repairs - 1 if repaired.vals is not None else 0
                if repaired.vals is not None:
                    accepted = self._judge(repaired.vals, gate, trained, rejections)
            if accepted is not None and gate.enlargement is not None:
                larger = gate.enlargement(accepted.vals, self._view.generator("fill", attempt))
                if larger != accepted.vals:
                    accepted = self._judge(larger, gate, trained, rejections)
            if accepted is not None:
                return self._drawn(accepted)
        raise NothingPasses(rejections, gate.guard)

    def accept_fork(self, vals: Vals) -> Accepted:
        """Return a fork as it is: it is neither repaired nor a duplicate, as it starts from another trial's state.

        Raises:
            ValueError: The guard rejects its network.
        """
        point = self._space.point(vals)
        guard = replace(self._gate().guard, latency=None)  # that of the same architecture was measured
        verdict = guard.judge(point, set(), vals)
        if verdict.reason is not None:
            raise ValueError(f"The strategy forked a trial into a network that the guard rejects: {verdict.detail}")
        return self._drawn(Accepted(vals, point, verdict.network, {}))

    def signatures(self, vals: Vals) -> set[str]:
        """Return the signature by which duplicates of a trial are found; none where its network cannot be built."""
        network = self._guard.judge(self._space.point(vals), set(), vals).network
        return {network["signature"]} if "signature" in network else set()

    def _drawn(self, accepted: Accepted) -> Accepted:
        """Return a proposal with the drawing of its network."""
        return replace(accepted, network={**accepted.network, **self._guard.drawing(accepted.point)})

    def _gate(self) -> _Gate:
        """Return the gate of the phase of the next trial."""
        phases = self._phases
        phase = 0 if phases is None else phases.phase(self._view)
        if self._limits_latency and (latency := LatencyModel.of_trials(self._view.trials)) != self._guard.latency:
            self._guard, self._gates = replace(self._guard, latency=latency), {}
        if phase not in self._gates:
            guard = self._guard if phases is None else phases.guard(self._guard, phase)
            stacks = Stacks(self._space) if phases is None else phases.stacks(self._space, phase)
            counted = guard.with_latency_as_macs
            repair = Repair(self._space, counted, stacks)
            fill = None if self._fill is None else Enlargement(self._space, counted, self._fill, repair, stacks)
            self._gates[phase] = _Gate(guard, stacks, repair, fill)
        return self._gates[phase]

    def _judge(self, vals: Vals, gate: _Gate, trained: set[str], rejections: Rejections) -> Accepted | None:
        """Return a proposal that passes; None where the guard rejects it, which is counted."""
        point = self._space.point(vals)
        verdict = gate.guard.judge(point, trained, vals)
        if verdict.reason is None:
            return Accepted(vals, point, verdict.network, dict(rejections.reasons))
        rejections.add(verdict, point)
        return None

    def _proposals(self, first: Start) -> Iterator[Vals]:
        """Yield the sampler's proposals, then draws from the prior; each is another attempt."""
        yield first.vals
        for attempt in range(1, REDRAWS):
            again = self._strategy.next(self._view, attempt)
            assert isinstance(again, Start), "a strategy that starts a trial starts one at every attempt"
            yield again.vals
        for attempt in range(REDRAWS, REDRAWS + PRIOR_DRAWS):
            yield self._space.draw(self._view.generator("prior", attempt))
