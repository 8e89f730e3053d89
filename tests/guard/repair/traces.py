"""A traced network for the tests of the repair's modules."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from metaopt.blueprint import Blueprint
from metaopt.guard.repair.layer_evaluator import LayerEvaluator, Step
from metaopt.guard.repair.repair_state import RepairState
from metaopt.guard.repair.shape_repair import ShapeRepair
from metaopt.guard.repair.trace_cache import Tracer
from metaopt.guard.repair.value_grid import ValueGrid
from metaopt.spaces import Space, compile_space


@dataclass
class Traced:
    """A space with a network function, and the parts of the repair for it."""

    space: Space
    network: Callable[[Any], Blueprint]

    def __post_init__(self):
        self.grid = ValueGrid(self.space)
        self.tracer = Tracer(self.space, self.grid, self.network)
        self.shape_repair = ShapeRepair(self.space, self.grid, self.evaluator)

    @property
    def evaluator(self) -> LayerEvaluator:
        return self.tracer.evaluator

    def steps(self, vals: dict[str, float]) -> list[Step]:
        found = self.tracer.trace(vals)
        assert found is not None
        return found

    def state(self, vals: dict[str, float]) -> RepairState:
        """Return a state with propagated shapes."""
        state = RepairState(self.steps(vals), vals)
        self.shape_repair.propagate(state)
        return state


def traced(expression: Any, network: Callable[[Any], Blueprint]) -> Traced:
    return Traced(compile_space(expression), network)
