"""Knowledge about a space before a search: the trials of an earlier study of it, and a user's default points."""

from collections.abc import Sequence
from dataclasses import dataclass

from metaopt.spaces import Vals

N_BEST = 3  # of the points of an earlier study that are tried first


@dataclass(frozen=True)
class KnownPoint:
    """A point.

    Attributes:
        vals: label → value.
        loss: the loss that it had in an earlier study; None for a default point.
        resource: what it was trained there.
    """

    vals: Vals
    loss: float | None = None
    resource: int = 0


@dataclass(frozen=True)
class Knowledge:
    """Points from one source.

    Attributes:
        source: the study's name, or ``"default"``.
        study: id of the earlier study; None for default points.
        points: the points; those of a study all have a finite loss.
        resource: R of the earlier study.
        begin: number of the study's own trials when this became known.
    """

    source: str
    study: str | None
    points: tuple[KnownPoint, ...]
    resource: int = 1
    begin: int = 0

    def starts(self) -> list[Vals]:
        """Return the points that are tried before all others: default points, or the best ones of the study."""
        if self.study is None:
            return [each.vals for each in self.points]
        full = [each for each in self.points if each.resource >= self.resource] or self.points
        return [each.vals for each in sorted(full, key=lambda each: each.loss or 0.0)[:N_BEST]]


def next_start(knowledge: Sequence[Knowledge], n_own: int) -> Vals | None:
    """Return the known point that the next trial tries; None once all were tried.

    Args:
        knowledge: what is known, in the order in which it became known.
        n_own: number of the study's own trials so far.
    """
    begin = 0
    for each in knowledge:
        begin = max(begin, each.begin)
        starts = each.starts()
        if begin <= n_own < begin + len(starts):
            return starts[n_own - begin]
        begin += len(starts)
    return None
