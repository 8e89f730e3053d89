"""State of one network during repair: its steps and the current values of its labels."""

from collections.abc import Mapping, Sequence
from typing import Any

from metaopt.guard.repair.layer_evaluator import Size, Step
from metaopt.spaces import Vals


class RepairState:
    """State of one network during repair.

    Attributes:
        steps: layer calls of the network, possibly traced at other values than ``vals``.
        vals: label → current value; labels that are no longer active may remain.
        moved: labels that were moved.
        sizes: height and width of the output of each step that shapes were propagated to.
        factors: output channels per input channel of each step, see ``Output``.
        arguments: geometry arguments of each step, as last evaluated.
        removed: numbers of the steps that a moved choice removes.
        is_valid: False if a layer has no output and could not be repaired.
    """

    def __init__(self, steps: Sequence[Step], vals: Mapping[str, float]):
        self.steps = steps
        self.vals = Vals(vals)
        self.moved: set[str] = set()
        self.sizes: list[Size] = []
        self.factors: list[float] = []
        self.arguments: list[tuple[Any, ...]] = []
        self.removed: set[int] = set()
        self.is_valid = True

    def move(self, moves: Mapping[str, float]) -> None:
        """Set labels to other values."""
        self.vals.update(moves)
        self.moved.update(moves)
