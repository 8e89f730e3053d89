"""The steps of stacks without tracing them: each block's as they were learned, put together.

What the labels of a block make of it depends on its own choices alone in most spaces, so that a few traces, in which
every block has had each combination of its choices once, tell the steps of every stack. That is assumed, not known: the
networks that are made of it are checked as all others are, and traced where the assumption fails.

Branches that follow what they are added to (the projection of a skip), and layers that keep their input's shape, are
left out; their share of the costs is small.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import product

import numpy as np

from metaopt.blueprint import Flatten, GlobalAveragePooling2D
from metaopt.guard.repair.plan import Step
from metaopt.spaces import Space, Vals

# Number of the group of labels, and of the block in it.
Block = tuple[int, int]
# What a trace is made of: whole blocks, and steps that are in none.
Skeleton = list[Block | Step]

_MOST_COMBINATIONS = 96  # of a block's choices, and of those outside of all blocks: a trace takes a millisecond


class Memory:
    """The blocks of one space.

    It is complete when it is made, so that what it tells does not depend on what was repaired before.
    """

    def __init__(self, space: Space, trace: Callable[[Vals], list[Step] | None]):
        """Learns the blocks.

        Args:
            space: one without groups of labels leaves the memory empty, as does one with too many choices.
            trace: from values to steps.
        """
        self._space = space
        self._block_of: dict[str, Block] = {}
        self._choices: dict[Block, list[str]] = {}
        self._segments: dict[tuple[Block, tuple[float | None, ...]], list[Step]] = {}
        self._skeletons: dict[tuple[float | None, ...], Skeleton] = {}
        for number, group in enumerate(space.block_stacks):
            for position, labels in enumerate(group.blocks):
                for label in labels.values():
                    self._block_of.setdefault(label, (number, position))
        depths = {group.depth for group in space.block_stacks}
        choices = [one.label for one in space.parameters if one.distribution.is_choice]
        for label in choices:
            if label in self._block_of:
                self._choices.setdefault(self._block_of[label], []).append(label)
        self._outside = [label for label in choices if label not in self._block_of and label not in depths]
        for vals in self._lessons():
            steps = trace(vals)
            if steps is not None:
                self._learn(vals, steps)

    def steps(self, vals: Mapping[str, float]) -> list[Step] | None:
        """The steps of a network; None where something of it was never seen."""
        skeleton = self._skeletons.get(self._key(self._outside, vals))
        if skeleton is None:
            return None
        groups = self._space.block_stacks
        lengths = [group.length(vals) for group in groups]
        steps: list[Step] = []
        for element in skeleton:
            if isinstance(element, Step):
                steps.append(element)
            elif element[1] < lengths[element[0]]:
                segment = self._segments.get((element, self._key(self._choices.get(element, ()), vals)))
                if segment is None:
                    return None
                steps += segment
        return steps

    @staticmethod
    def _key(choices: Iterable[str], vals: Mapping[str, float]) -> tuple[float | None, ...]:
        return tuple([vals.get(choice) for choice in choices])

    def _lessons(self) -> Iterable[Vals]:
        """Stacks as deep as can be, in which every block has had each combination of its choices once."""
        if not self._space.block_stacks:
            return
        combinations = {block: self._combinations(labels) for block, labels in self._choices.items()}
        outside = self._combinations(self._outside)
        counts = [len(found) for found in (*combinations.values(), outside)]
        if max(counts) > _MOST_COMBINATIONS:
            return
        for number in range(max(counts)):
            rng = np.random.default_rng(number)
            vals: dict[str, float] = dict(self._space.draw(rng))
            for group in self._space.block_stacks:
                if group.depth is not None:
                    vals[group.depth] = group.option(max(group.lengths))
            for (_, position), found in combinations.items():
                vals.update(found[(number + position) % len(found)])
            vals.update(outside[number % len(outside)])
            yield self._space.complete(vals, rng)

    def _combinations(self, labels: list[str]) -> list[dict[str, float]]:
        options = [range(self._space.by_label[label].n_options or 1) for label in labels]
        found: list[dict[str, float]] = []
        for indices in product(*options):
            found.append(dict(zip(labels, indices, strict=True)))
            if len(found) > _MOST_COMBINATIONS:
                break
        return found

    def _learn(self, vals: Vals, steps: list[Step]) -> None:
        """Takes a trace apart, if it is a chain of blocks."""
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
            elif step.head or isinstance(step.layer, Flatten | GlobalAveragePooling2D):
                block = None  # what ends a stack, however deep it is
            heads += step.head
            kept = replace(step, inputs=(max(heads, 1),) if step.inputs else (), leader=0)
            (skeleton if block is None else segments[block]).append(kept)
        self._skeletons.setdefault(self._key(self._outside, vals), skeleton)
        for found, segment in segments.items():
            self._segments.setdefault((found, self._key(self._choices.get(found, ()), vals)), segment)


def _chain(steps: list[Step]) -> list[Step] | None:
    """The steps that decide shapes and most of the costs, if they form a chain; None if not.

    Of tensors that are added, the first one that does not follow others is on the chain; all others must be on it
    themselves, as in a skip without projection, or follow.
    """
    reached: set[int] = set()
    beside: set[int] = set()
    for head in [number for number, step in enumerate(steps) if step.head]:
        number = head
        while number not in reached:
            reached.add(number)
            step = steps[number]
            before = [number - back for back in step.inputs]
            if step.layer.merges:
                before = [other for other in before if not steps[other].follows]
                beside.update(before[1:])
                if not step.layer.symmetric or not before:
                    return None
            if before:
                number = before[0]
    if not beside <= reached:
        return None
    on_chain = [steps[number] for number in sorted(reached)]
    found = [step for step in on_chain if step.head or not (step.passes or step.layer.merges)]
    heads = [step for step in found if step.head]
    return found if heads and found[-len(heads) :] == heads else None
