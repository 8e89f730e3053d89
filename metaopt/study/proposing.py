"""From a strategy's proposal to a network that may be trained: drawn again a few times, repaired, drawn at large."""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from metaopt.errors import UserError
from metaopt.schedulers import Start
from metaopt.spaces import Space, Vals
from metaopt.study.guard import DUPLICATE, Guard
from metaopt.study.limits import CHEAP
from metaopt.study.repair import Repair
from metaopt.study.strategy import Strategy
from metaopt.study.view import StudyView

REDRAWS = 20  # proposals by the sampler for one trial, a dozen milliseconds each
PRIOR_DRAWS = 5_000  # after the repairs draws from the prior, a fraction of one each, before the search gives up


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
    """

    def __init__(self, rejected: Counter[str], smallest: dict[str, float]) -> None:
        super().__init__(dict(rejected))
        self.rejected = rejected
        self.smallest = smallest

    @property
    def exhausted(self) -> bool:
        """Whether all that passes has been trained, rather than nothing passing at all."""
        return self.rejected[DUPLICATE] > 0

    def explain(self, guard: Guard) -> UserError:
        """The error to end a search with where nothing passes at all."""
        counts = ", ".join(f"{reason} {count}" for reason, count in self.rejected.most_common())
        reached = "".join(
            f"; the smallest {limit.name} reached is {self.smallest[limit.name]:,} (limit {limit.bound:,.0f})"
            for limit in guard.limits
            if limit.distance(self.smallest.get(limit.name, -math.inf)) > 0
        )
        return UserError(
            f"no network of the space passes: {self.rejected.total()} draws were rejected ({counts}){reached}; loosen"
            " the limits, enlarge the images, or change the space."
        )


class Proposer:
    """Finds, for one new trial after the other, a proposal that passes the guard."""

    def __init__(self, strategy: Strategy, guard: Guard, space: Space, view: StudyView) -> None:
        self._strategy = strategy
        self._guard = guard
        self._space = space
        self._view = view
        self._repair = Repair(space, guard)

    def accept(self, first: Start, trained: set[str]) -> Accepted:
        """The strategy's proposal, or the first of what follows it that passes.

        Args:
            first: what the strategy proposed.
            trained: signatures of all that was trained.

        Raises:
            NothingPasses: none did.
        """
        rejected: Counter[str] = Counter()
        smallest: dict[str, float] = {}
        refused: list[Vals] = []
        try:
            for vals in self._proposals(first, refused, smallest):
                point = self._space.point(vals)
                verdict = self._guard.judge(point, trained)
                if verdict.reason is None:
                    return Accepted(vals, point, first.to, verdict.network, dict(rejected))
                rejected[verdict.reason] += 1
                if verdict.reason != DUPLICATE:
                    refused.append(vals)
                _lower(smallest, {name: verdict.network[name] for name in CHEAP if name in verdict.network})
        finally:
            self._view.attempt = 0
        raise NothingPasses(rejected, smallest)

    def _proposals(self, first: Start, refused: list[Vals], smallest: dict[str, float]) -> Iterator[Vals]:
        """The sampler's proposals; then those that were refused, repaired; then draws from the prior.

        Args:
            first: the first proposal.
            refused: what the guard has refused so far, but for repetitions; grows meanwhile.
            smallest: gets the smallest values that a repair reaches, by limit.
        """
        for attempt in range(REDRAWS):
            self._view.attempt = attempt
            again = first if attempt == 0 else self._strategy.next(self._view)
            assert isinstance(again, Start), "a strategy that starts a trial starts one at every attempt"
            yield again.vals
        for vals in list(refused):
            self._view.attempt += 1
            repaired = self._repair(vals, self._view.generator("repair"))
            _lower(smallest, repaired.smallest)
            if repaired.vals is None:
                break
            yield repaired.vals
        for _ in range(PRIOR_DRAWS):
            self._view.attempt += 1
            yield self._space.draw(self._view.generator("prior"))


def _lower(smallest: dict[str, float], values: dict[str, float]) -> None:
    for name, value in values.items():
        smallest[name] = min(smallest.get(name, math.inf), value)
