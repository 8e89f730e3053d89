"""Steps of networks, from traces: cached for stacks of blocks, else traced anew.

In most spaces the steps of a block depend on the block's own choices alone. A few traces, in which every block has had
each combination of its choices once, then give the steps of every stack. This is an assumption: networks made from it
are checked like all others, and traced where it fails.

Cached steps form a chain. Branches that are adapted to what they are added to (projections of skips) and layers that
keep their input's shape are left out; their share of the costs is small.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np

from metaopt.blueprint import (
    Blueprint,
    Flatten,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
)
from metaopt.guard.repair.layer_evaluator import LayerEvaluator, Step
from metaopt.guard.repair.shape_repair import smallest_strides
from metaopt.guard.repair.tracing import Conversions, trace_network, traced_points
from metaopt.guard.repair.value_grid import ValueGrid
from metaopt.spaces import Space, Vals

# Number of a stack of the space, and of a block in it.
Block = tuple[int, int]
# Parts of a trace: whole blocks, and steps outside of all blocks.
Skeleton = list[Block | Step]
# Options of some choices, None for those that are not active.
Options = tuple[float | None, ...]

_TO_VECTOR = (Flatten, GlobalAveragePooling1D, GlobalAveragePooling2D, GlobalAveragePooling3D)
_MAX_COMBINATIONS = 96  # of a block's choices, and of those outside of all blocks; a trace takes a millisecond
_STRIDE_DRAWS = 16  # draws in which the strides of a space are found


class Tracer:
    """Finds the steps of the networks of one space.

    Attributes:
        evaluator: makes the steps.
    """

    def __init__(self, space: Space, grid: ValueGrid, network: Callable[[Any], Blueprint]):
        self._space = space
        self._grid = grid
        self._network = network
        self._points = traced_points(space)
        self.evaluator = LayerEvaluator(grid)

    def cached(self, vals: Mapping[str, float]) -> list[Step] | None:
        """Return the steps of a network from the cache; None if a part of it is not cached."""
        return self._cache.steps(vals)

    def trace(self, vals: Mapping[str, float]) -> list[Step] | None:
        """Trace a network with all strides at their smallest values; None if it cannot be built even so.

        The image lasts longest then, and differences such as max(0, kernel − stride) stay positive and traced.
        """
        lowered = {label: value for label, value in self._strides.items() if label in vals}
        while True:
            at = {**vals, **lowered}
            found = self._trace_at(at)
            missed = {} if found is None else smallest_strides(found, at, self._grid)
            if missed.keys() <= lowered.keys():
                return found
            lowered.update(missed)

    def _trace_at(self, vals: Mapping[str, float]) -> list[Step] | None:
        conversions: Conversions = {}
        found = trace_network(self._network, self._points(vals, conversions), conversions)
        conversions.clear()  # breaks a reference cycle through every traced number
        return None if found is None else self.evaluator.make_steps(found)

    @cached_property
    def _cache(self) -> "TraceCache":
        return TraceCache(self._space, self.trace)

    @cached_property
    def _strides(self) -> dict[str, float]:
        """Labels of strides, as found in some draws, with the values at which the strides are smallest."""
        found: dict[str, float] = {}
        for seed in range(_STRIDE_DRAWS):
            vals: Vals = self._space.draw(np.random.default_rng(seed))
            steps = self._trace_at(vals)
            found.update({} if steps is None else smallest_strides(steps, vals, self._grid))
        return found


class TraceCache:
    """Steps of the blocks of one space, by the choices of each block.

    It is filled from fixed draws when it is created, so that its answers do not depend on what was repaired before.
    """

    def __init__(self, space: Space, trace: Callable[[Vals], list[Step] | None]):
        """Trace stacks that contain all blocks.

        Args:
            space: the cache stays empty if it has no stacks of blocks or too many combinations of choices.
            trace: from values to steps.
        """
        self._space = space
        self._block_of: dict[str, Block] = {}
        self._choices: dict[Block, list[str]] = {}
        self._segments: dict[tuple[Block, Options], list[Step]] = {}
        self._skeletons: dict[Options, Skeleton] = {}
        for number, stack in enumerate(space.block_stacks):
            for position, labels in enumerate(stack.blocks):
                for label in labels.values():
                    self._block_of.setdefault(label, (number, position))
        depths = {stack.depth for stack in space.block_stacks}
        choices = [one.label for one in space.parameters if one.distribution.is_choice]
        for label in choices:
            if label in self._block_of:
                self._choices.setdefault(self._block_of[label], []).append(label)
        self._outside = [label for label in choices if label not in self._block_of and label not in depths]
        for vals in self._stacks_to_trace():
            steps = trace(vals)
            if steps is not None:
                self._add(vals, steps)

    def steps(self, vals: Mapping[str, float]) -> list[Step] | None:
        """Return the steps of a network; None if a part of it is missing."""
        skeleton = self._skeletons.get(_options(self._outside, vals))
        if skeleton is None:
            return None
        lengths = [stack.length(vals) for stack in self._space.block_stacks]
        steps: list[Step] = []
        for element in skeleton:
            if isinstance(element, Step):
                steps.append(element)
            elif element[1] < lengths[element[0]]:
                segment = self._segments.get((element, _options(self._choices.get(element, ()), vals)))
                if segment is None:
                    return None
                steps += segment
        return steps

    def _stacks_to_trace(self) -> Iterable[Vals]:
        """Yield stacks of the largest depth in which every block has each combination of its choices once."""
        if not self._space.block_stacks:
            return
        combinations = {block: self._combinations(labels) for block, labels in self._choices.items()}
        outside = self._combinations(self._outside)
        counts = [len(found) for found in (*combinations.values(), outside)]
        if max(counts) > _MAX_COMBINATIONS:
            return
        for number in range(max(counts)):
            rng = np.random.default_rng(number)
            vals: dict[str, float] = dict(self._space.draw(rng))
            for stack in self._space.block_stacks:
                if stack.depth is not None:
                    vals[stack.depth] = stack.option(max(stack.lengths))
            for (_, position), found in combinations.items():
                vals.update(found[(number + position) % len(found)])
            vals.update(outside[number % len(outside)])
            yield self._space.complete(vals, rng)

    def _combinations(self, labels: list[str]) -> list[dict[str, float]]:
        options = [range(self._space.by_label[label].n_options or 1) for label in labels]
        found: list[dict[str, float]] = []
        for indices in product(*options):
            found.append(dict(zip(labels, indices, strict=True)))
            if len(found) > _MAX_COMBINATIONS:
                break
        return found

    def _add(self, vals: Vals, steps: list[Step]) -> None:
        """Split a trace into blocks, if it is a chain of blocks, and store them."""
        chain = _chain(steps)
        if chain is None:
            return
        skeleton: Skeleton = []
        segments: dict[Block, list[Step]] = {}
        block: Block | None = None
        heads = 0
        for step in chain:
            own = {self._block_of[label] for label in (*step.labels, *step.width_labels) if label in self._block_of}
            if len(own) > 1:
                return
            if own:
                block = own.pop()
                if block not in segments:
                    segments[block] = []
                    skeleton.append(block)
                elif skeleton[-1] != block:
                    return
            elif step.is_head or isinstance(step.layer, _TO_VECTOR):
                block = None  # it ends a stack of any depth
            heads += step.is_head
            kept = replace(step, inputs=(max(heads, 1),) if step.inputs else (), width_source=0)
            (skeleton if block is None else segments[block]).append(kept)
        self._skeletons.setdefault(_options(self._outside, vals), skeleton)
        for found, segment in segments.items():
            self._segments.setdefault((found, _options(self._choices.get(found, ()), vals)), segment)


def _options(choices: Iterable[str], vals: Mapping[str, float]) -> Options:
    return tuple([vals.get(choice) for choice in choices])


def _chain(steps: list[Step]) -> list[Step] | None:
    """Return the steps that decide shapes and most of the costs; None if they are no chain.

    Of added tensors the first one that is no projection is on the chain. All others must be on it too, as in a skip
    without projection, or be projections.
    """
    reached: set[int] = set()
    beside: set[int] = set()
    for head in [number for number, step in enumerate(steps) if step.is_head]:
        number = head
        while number not in reached:
            reached.add(number)
            step = steps[number]
            before = [number - back for back in step.inputs]
            if step.layer.merges:
                before = [other for other in before if not steps[other].is_projection]
                beside.update(before[1:])
                if not step.layer.symmetric or not before:
                    return None
            if before:
                number = before[0]
    if not beside <= reached:
        return None
    on_chain = [steps[number] for number in sorted(reached)]
    found = [step for step in on_chain if step.is_head or not (step.keeps_shape or step.layer.merges)]
    heads = [step for step in found if step.is_head]
    return found if heads and found[-len(heads) :] == heads else None
