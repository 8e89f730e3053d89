"""The steps of networks: remembered, or traced where strides are as small as they can be."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from metaopt.blueprint import Blueprint
from metaopt.guard.repair.ladders import Ladders
from metaopt.guard.repair.memory import Memory
from metaopt.guard.repair.plan import Shop, Step
from metaopt.guard.repair.shapes import smallest_strides
from metaopt.guard.repair.trace import trace
from metaopt.guard.repair.traced import Conversions, traced_points
from metaopt.spaces import Space, Vals

_DRAWS_TO_LEARN = 16  # in which the strides of a space are found


class Tracer:
    """Tells of which steps the networks of a space are made.

    Attributes:
        shop: makes the steps.
    """

    def __init__(self, space: Space, ladders: Ladders, network: Callable[[Any], Blueprint]):
        self._space = space
        self._ladders = ladders
        self._network = network
        self._points = traced_points(space)
        self.shop = Shop(ladders)

    def remembered(self, vals: Mapping[str, float]) -> list[Step] | None:
        """The steps of a network as others of its kind had them; None where something of it was never seen."""
        return self._memory.steps(vals)

    def trace(self, vals: Mapping[str, float]) -> list[Step] | None:
        """The network with all strides as small as they can be; None where it cannot be made even so.

        Its image lasts longest then, and differences such as max(0, kernel − stride) are not cut off and carry a trace.
        """
        eased = {label: value for label, value in self._strides.items() if label in vals}
        while True:
            at = {**vals, **eased}
            found = self._trace_at(at)
            missed = {} if found is None else smallest_strides(found, at, self._ladders)
            if missed.keys() <= eased.keys():
                return found
            eased.update(missed)

    def _trace_at(self, vals: Mapping[str, float]) -> list[Step] | None:
        conversions: Conversions = {}
        found = trace(self._network, self._points(vals, conversions), conversions)
        conversions.clear()  # a cycle through every traced number
        return None if found is None else self.shop.steps_of(found)

    @cached_property
    def _memory(self) -> Memory:
        return Memory(self._space, self.trace)

    @cached_property
    def _strides(self) -> dict[str, float]:
        """Labels of strides with the values at which they are smallest, as some draws show them."""
        found: dict[str, float] = {}
        for seed in range(_DRAWS_TO_LEARN):
            vals: Vals = self._space.draw(np.random.default_rng(seed))
            steps = self._trace_at(vals)
            found.update({} if steps is None else smallest_strides(steps, vals, self._ladders))
        return found
