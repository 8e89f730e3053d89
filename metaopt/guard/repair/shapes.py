"""Shapes mended layer by layer: whatever would leave nothing of the image is moved just as far as it must.

First reductions are taken back: where the strides of a stack together shrink the image to nothing long before its end,
strides of layers drawn at random are lowered until the image lasts up to a layer drawn at random. Then the network is
walked from its input, and a layer that would empty the tensor gets the nearest arguments that do not, by one label or
two; if there are none, it is left out by the choice that it hangs on.
"""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import combinations, product
from typing import Any

import numpy as np

from metaopt.guard.repair.ladders import Ladders
from metaopt.guard.repair.plan import Output, Shop, Size, Step
from metaopt.guard.repair.walk import Walk
from metaopt.spaces import Space

# A way to mend a layer: (number of a label, its new value) once or twice.
Way = tuple[tuple[int, float], ...]
Ways = list[Way]
# A way, with the output and the arguments of the layer that is mended by it.
_Mended = tuple[Way, Output | None, tuple[Any, ...]]

_MOST_REMEMBERED = 1 << 16


class Mender:
    """Mends the shapes of networks of one space.

    It remembers how a layer was mended for those that are made alike and have equal values, which changes nothing but
    the time that it takes.
    """

    def __init__(self, space: Space, ladders: Ladders, shop: Shop):
        self._space = space
        self._ladders = ladders
        self._shop = shop
        self._ways: dict[Any, Ways] = {}
        self._mended: dict[Any, list[_Mended]] = {}
        self._held = _held_labels(space)
        self._above: dict[tuple[str, ...], list[tuple[str, int]]] = {}

    def breaks(self, steps: Sequence[Step], vals: Mapping[str, float]) -> bool:
        """Whether a layer of a chain, as it is remembered, would have no output."""
        size: Size = ()
        for step in steps:
            if not step.inputs:
                size = step.size
            elif not step.passes:
                output = self._shop.output(step, size, step.arguments(vals))
                if output is None:
                    return True
                size = output[0]
        return False

    def mend(self, walk: Walk, rng: np.random.Generator) -> None:
        """Moves labels until every layer has an output, as far as can be told from here."""
        self._take_back(walk, rng)
        self._follow(walk, rng)

    def follow(self, walk: Walk) -> None:
        """Walks a network as it is; it does not stand if a layer has no output."""
        self._follow(walk, None)

    def _follow(self, walk: Walk, rng: np.random.Generator | None) -> None:
        """Walks a network from its input, and mends the layers that have no output where there is a generator."""
        sizes, vals, output_of = walk.sizes, walk.vals, self._shop.output
        for number, step in enumerate(walk.steps):
            arguments: tuple[Any, ...] = ()
            factor = 1.0
            if not step.inputs:
                size = step.size
            elif step.layer.merges:
                size = _merged(walk, number)
            else:
                size = sizes[number - step.inputs[0]]
                if not step.passes:
                    arguments = step.arguments(vals)
                    output = output_of(step, size, arguments)
                    if output is None and rng is not None:
                        output, arguments = self._mend_step(walk, number, size, rng)
                    elif output is None:
                        walk.stands = False
                    if output is not None:
                        size, factor = output
            sizes.append(size)
            walk.factors.append(factor)
            walk.arguments.append(arguments)

    def _take_back(self, walk: Walk, rng: np.random.Generator) -> None:
        """Lowers strides until the image lasts as deep as is drawn."""
        bits: dict[str, float] = {}
        vals = walk.vals
        for step in walk.steps:
            strides = step.strides
            if strides is not None and (reduction := _bits(strides(vals))):
                for label in step.stride_labels:
                    bits[label] = reduction
        image = math.log2(max([min(step.size) for step in walk.steps if not step.inputs and step.size], default=1))
        total = sum(bits.values())
        if total <= image:
            return
        total *= rng.uniform(image / total, 1)  # the share of the strides after which the image may be at its end
        lasting = total / sum(bits.values())
        image *= rng.random()  # kernels without padding take their part, too
        labels = list(bits)
        for index in rng.permutation(len(labels)).tolist():
            if total <= image:
                return
            label = labels[index]
            value = vals[label]
            lower = self._ladders.lower(label, value)
            if lower:
                chosen = lower[int(rng.random() * len(lower))]
                left = math.log(max(chosen, 1)) / math.log(value) if value > 1 else 0.0
                total -= lasting * bits[label] * (1 - left)
                vals[label] = chosen
                walk.moved.add(label)

    def _mend_step(
        self, walk: Walk, number: int, size: Size, rng: np.random.Generator
    ) -> tuple[Output | None, tuple[Any, ...]]:
        """Moves the labels of a layer that has no output; returns its output, None if it still has none, and its
        arguments.
        """
        step, vals = walk.steps[number], walk.vals
        if not step.labels:
            return None, ()
        labels = step.labels
        wanted = tuple([vals[label] for label in labels])
        key = (step.alike, size, wanted)
        mended = self._mended.get(key)
        if mended is None and all(map(self._ladders.has, labels, wanted)):
            mended = [self._mended_by(way, step, size, wanted) for way in self._ways_to_mend(walk, step, size)]
            if len(self._mended) < _MOST_REMEMBERED:
                self._mended[key] = mended
        ways: Sequence[Any] = self._ways_to_mend(walk, step, size) if mended is None else mended
        while ways:
            chosen = ways[int(rng.random() * len(ways))]
            way, output, arguments = self._mended_by(chosen, step, size, wanted) if mended is None else chosen
            if output is not None:
                for which, value in way:
                    vals[labels[which]] = value
                    walk.moved.add(labels[which])
                return output, arguments
            # Values that are not on their ladders, from which the ways were found, need not be mended by every way.
            ways = [other for other in ways if other is not chosen]
        if self._leave_out(walk, step, rng):
            walk.left_out.add(number)
        else:
            walk.stands = False
        return None, step.arguments(vals)

    def _mended_by(self, way: Way, step: Step, size: Size, wanted: Sequence[float]) -> _Mended:
        """What a layer is, mended in one way."""
        vals = dict(zip(step.labels, wanted, strict=True))
        for which, value in way:
            vals[step.labels[which]] = value
        arguments = step.arguments(vals)
        return way, self._shop.output(step, size, arguments), arguments

    def _ways_to_mend(self, walk: Walk, step: Step, size: Size) -> Ways:
        """The nearest values that give the layer an output: of each label alone, else of each two labels."""
        values = tuple([self._ladders.on_ladder(label, walk.vals[label]) for label in step.labels])
        key = (step.alike, size, values)
        found = self._ways.get(key)
        if found is None:
            found = self._search(step, values, size)
            if len(self._ways) < _MOST_REMEMBERED:
                self._ways[key] = found
        return found

    def _search(self, step: Step, values: Sequence[float], size: Size) -> Ways:
        labels = step.labels
        vals = dict(zip(labels, values, strict=True))
        ladders = [self._ladders.nearest(label, vals[label]) for label in labels]

        def fits(moves: Mapping[str, float]) -> bool:
            return self._shop.output(step, size, step.arguments({**vals, **moves})) is not None

        ways: Ways = []
        for number, label in enumerate(labels):
            value = next((value for value in ladders[number] if fits({label: value})), None)
            if value is not None:
                ways.append(((number, value),))
        if ways:
            return ways
        for first, second in combinations(range(len(labels)), 2):
            pairs = product(range(len(ladders[first])), range(len(ladders[second])))
            for i, j in sorted(pairs, key=sum):
                one, other = ladders[first][i], ladders[second][j]
                if fits({labels[first]: one, labels[second]: other}):
                    ways.append(((first, one), (second, other)))
                    break
        return ways

    def _leave_out(self, walk: Walk, step: Step, rng: np.random.Generator) -> bool:
        """Takes another option of the choice under which the layer's labels are: of the one that holds the fewest."""
        for choice, index in self._choices_above(step.labels):
            options = [option for option in self._ladders.values(choice) if option != index]
            if options and walk.vals.get(choice) == index:
                walk.move({choice: options[int(rng.random() * len(options))]})
                return True
        return False

    def _choices_above(self, labels: tuple[str, ...]) -> list[tuple[str, int]]:
        """The choices that labels hang on, with their options, those first that fewest other labels hang on."""
        found = self._above.get(labels)
        if found is None:
            above = {pair for label in labels for one in self._space.by_label[label].conditions for pair in one}
            found = self._above[labels] = sorted(above, key=lambda pair: (self._held[pair[0]], pair))
        return found


def smallest_strides(steps: Sequence[Step], vals: Mapping[str, float], ladders: Ladders) -> dict[str, float]:
    """Label of a stride → the value at which the stride is smallest, beside the other values."""
    found: dict[str, float] = {}
    for step in steps:
        if step.strides is not None:
            for label in step.stride_labels:
                strides = [(_bits(step.strides({**vals, label: value})), value) for value in ladders.values(label)]
                found[label] = min(strides)[1]
    return found


@lru_cache(maxsize=1 << 10)
def _bits(stride: Any) -> float:
    """How many times strides halve the image."""
    return math.log2(max(1, *stride) if isinstance(stride, tuple) else max(1, stride))


def _merged(walk: Walk, number: int) -> Size:
    """The size of a sum or of tensors side by side; where they differ, of those that do not follow another."""
    before = [number - back for back in walk.steps[number].inputs]
    leading = [other for other in before if not walk.steps[other].follows] or before
    return walk.sizes[leading[0]]


def _held_labels(space: Space) -> dict[str, int]:
    """Choice → how many labels are active under some of its options only."""
    held = dict.fromkeys(space.labels, 0)
    for parameter in space.parameters:
        for choice in {choice for alternative in parameter.conditions for choice, _ in alternative}:
            held[choice] += 1
    return held
