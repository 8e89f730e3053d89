"""Acceptance rate of a space: the share of draws from the prior that the guard lets pass, and what they are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from metaopt.guard.guard import Guard
from metaopt.guard.rejections import Rejections
from metaopt.randomness import make_generator
from metaopt.spaces import Space, Vals


@dataclass(frozen=True)
class Draw:
    """A draw that passed.

    Attributes:
        vals: label → value.
        point: the same as a point.
        network: the guard's counts, see ``Verdict``.
    """

    vals: Vals
    point: Any
    network: Mapping[str, Any]


@dataclass
class Acceptance:
    """Draws from the prior, judged by a guard without knowledge of other trials.

    Attributes:
        passed: the draws that passed.
        rejections: the others.
    """

    passed: list[Draw] = field(default_factory=list)
    rejections: Rejections = field(default_factory=Rejections)

    @property
    def n_draws(self) -> int:
        """Number of draws."""
        return len(self.passed) + self.rejections.reasons.total()

    @property
    def share(self) -> float:
        """Share of the draws that passed."""
        return len(self.passed) / max(self.n_draws, 1)

    def counts(self, name: str) -> list[float]:
        """Return a count of all networks that passed, ascending; none where networks are not counted."""
        return sorted(draw.network[name] for draw in self.passed if name in draw.network)


def measure_acceptance(
    space: Space,
    guard: Guard,
    draws: int,
    purpose: str = "acceptance",
    on_error: Callable[[Exception, Any], None] | None = None,
) -> Acceptance:
    """Draw points and judge each, without repair.

    A search repairs what it draws and rejects duplicates as well, so the share is that of the space itself.

    Args:
        space: the compiled space.
        guard: judges.
        draws: number of draws.
        purpose: of the draws, see ``metaopt.randomness``.
        on_error: is called with an exception of the problem's functions and the point; that draw counts neither way.
            None raises it.
    """
    found = Acceptance()
    for number in range(draws):
        vals = space.draw(make_generator(0, number, purpose))
        point = space.point(vals)
        try:
            verdict = guard.judge(point, set())
        except Exception as error:  # of the user's functions; the caller decides
            if on_error is None:
                raise
            on_error(error, point)
            continue
        if verdict.reason is None:
            found.passed.append(Draw(vals, space.point(vals), verdict.network))  # the functions may have changed it
        else:
            found.rejections.add(verdict, point)
    return found
