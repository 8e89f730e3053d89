"""One network on its way to standing: its steps, and the values of its labels."""

from collections.abc import Mapping, Sequence
from typing import Any

from metaopt.guard.repair.plan import Size, Step
from metaopt.spaces import Vals


class Walk:
    """A network whose labels are being moved.

    Attributes:
        steps: of the network; they may have been traced at other values than ``vals``.
        vals: label → value as it is now; what is not active any more may still be among them.
        moved: the labels that were moved.
        sizes: height and width of each step's output, as far as it was walked.
        factors: the channels that each step makes of one, see ``Output``.
        arguments: of the geometry of each step, as it was last made.
        left_out: numbers of steps that a moved choice removes.
        stands: whether every layer could be mended.
    """

    def __init__(self, steps: Sequence[Step], vals: Mapping[str, float]):
        self.steps = steps
        self.vals = Vals(vals)
        self.moved: set[str] = set()
        self.sizes: list[Size] = []
        self.factors: list[float] = []
        self.arguments: list[tuple[Any, ...]] = []
        self.left_out: set[int] = set()
        self.stands = True

    def move(self, moves: Mapping[str, float]) -> None:
        """Gives labels other values."""
        self.vals.update(moves)
        self.moved.update(moves)
