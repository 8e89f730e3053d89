"""Shapes mended layer by layer: whatever would leave nothing of the image is moved just as far as it must.

First reductions are taken back: where the strides of a stack together shrink the image to nothing long before its end,
strides of layers drawn at random are lowered until the image lasts up to a layer drawn at random. Then the network is
walked from its input, and a layer that would empty the tensor gets the nearest arguments that do not, by one label or
two; if there are none, it is left out by the choice that it hangs on.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations, product
from typing import Any

import numpy as np

from metaopt.blueprint import Layer, Node, Shape
from metaopt.spaces import Space
from metaopt.study.repair.ladders import Ladders
from metaopt.study.repair.trace import Sources, Trace
from metaopt.study.repair.traced import form_of, given, labels_of
from metaopt.study.repair.walk import WIDTHS, Walk, geometry_of, labels_in, make_again, output_of

# Ways to mend a layer, each as (number of a label, its new value) once or twice.
Ways = list[tuple[tuple[int, float], ...]]

_MOST_REMEMBERED = 1 << 16


class Mender:
    """Mends the shapes of networks of one space.

    It remembers how a layer was mended for those that are made alike and have equal values, which changes nothing but
    the time that it takes.
    """

    def __init__(self, space: Space, ladders: Ladders):
        self._space = space
        self._ladders = ladders
        self._ways: dict[Any, Ways] = {}
        self._held = _held_labels(space)

    def mend(self, walk: Walk, rng: np.random.Generator) -> None:
        """Moves labels until every layer has an output, as far as can be told from here."""
        self._take_back(walk, rng)
        for node in walk.trace.blueprint.nodes:
            walk.shapes[node] = self._output(walk, node, rng)

    def _take_back(self, walk: Walk, rng: np.random.Generator) -> None:
        """Lowers strides until the image lasts as deep as is drawn."""
        bits: dict[str, float] = {}
        for sources in walk.trace.sources.values():
            if "strides" in sources:
                for label in labels_of(sources["strides"]):
                    bits[label] = math.log2(max(1, _stride(sources["strides"], walk.vals)))
        images = [node.shape[:2] for node in walk.trace.blueprint.inputs if len(node.shape) == 3]
        image = math.log2(max(map(min, images), default=1))
        total = sum(bits.values())
        if total <= image:
            return
        lasting = rng.uniform(image / total, 1)  # the share of the strides after which the image may be at its end
        total *= lasting
        image *= rng.random()  # kernels without padding take their part, too
        labels = [label for label, count in bits.items() if count]
        for index in rng.permutation(len(labels)).tolist():
            if total <= image:
                return
            label = labels[index]
            lower = [value for value in self._ladders.values(label) if value < walk.vals[label]]
            if lower:
                value = lower[int(rng.random() * len(lower))]
                total -= lasting * bits[label] * (1 - _log_ratio(value, walk.vals[label]))
                walk.move({label: value})

    def _output(self, walk: Walk, node: Node, rng: np.random.Generator) -> Shape:
        """The shape of a node's output, its layer mended if need be."""
        if not node.inputs:
            return node.shape
        shapes = [walk.shapes[source] for source in node.inputs]
        if node.layer.merges:
            return _merged(walk, node, shapes)
        if node.inputs[0] in walk.followers and node.layer not in walk.trace.sources:
            walk.followers.add(node)
        if type(node.layer).output_shape is Layer.output_shape:
            return shapes[0]
        shape = output_of(walk.make(node.layer), shapes)
        if node.layer not in walk.trace.sources:
            walk.followers.add(node)
        elif shape is None and self._mend_layer(walk, node, shapes, rng):
            shape = output_of(walk.layer(node.layer), shapes)
        return shapes[0] if shape is None else shape

    def _mend_layer(self, walk: Walk, node: Node, shapes: Sequence[Shape], rng: np.random.Generator) -> bool:
        """Moves the labels of a layer that has no output; returns whether it has one now."""
        layer = node.layer
        labels = labels_in(walk.trace.sources.get(layer, {}), widths=False)
        if not labels:
            return False
        ways = self._ways_to_mend(walk, layer, labels, shapes)
        while ways:
            way = ways[int(rng.random() * len(ways))]
            before = {labels[number]: walk.vals[labels[number]] for number, _ in way}
            walk.move({labels[number]: value for number, value in way})
            if output_of(walk.make(layer), shapes) is not None:
                return True
            walk.move(before)  # the other values are not on the ladder, from which the way was found
            ways = [other for other in ways if other is not way]
        if not self._leave_out(walk, node, labels, rng):
            walk.stands = False
        return False

    def _ways_to_mend(self, walk: Walk, layer: Layer, labels: Sequence[str], shapes: Sequence[Shape]) -> Ways:
        """The nearest values that give the layer an output: of each label alone, else of each two labels."""
        sources = walk.trace.sources[layer]
        numbers = {label: number for number, label in enumerate(labels)}
        values = [self._ladders.on_ladder(label, walk.vals[label]) for label in labels]
        key = (
            type(layer),
            geometry_of(type(layer))(layer),
            shapes[0][:2],
            *values,
            *[self._ladders.kinds[label] for label in labels],
            *[form_of(source, numbers) for name, source in sources.items() if name not in WIDTHS],
        )
        found = self._ways.get(key)
        if found is None:
            vals = {**walk.vals, **dict(zip(labels, values, strict=True))}
            found = self._search(layer, sources, labels, vals, shapes)
            if len(self._ways) < _MOST_REMEMBERED:
                self._ways[key] = found
        return found

    def _search(
        self, layer: Layer, sources: Sources, labels: Sequence[str], vals: Mapping[str, float], shapes: Sequence[Shape]
    ) -> Ways:
        ladders = [self._ladders.nearest(label, vals[label]) for label in labels]

        def fits(moves: Mapping[str, float]) -> bool:
            remade = make_again(layer, sources, {**vals, **moves})
            return remade is not None and output_of(remade, shapes) is not None

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

    def _leave_out(self, walk: Walk, node: Node, labels: Sequence[str], rng: np.random.Generator) -> bool:
        """Takes another option of the choice under which the layer's labels are: of the one that holds the fewest."""
        found: dict[str, int] = {}
        for label in labels:
            for alternative in self._space.by_label[label].conditions:
                if all(walk.vals.get(choice) == index for choice, index in alternative):
                    found.update(alternative)
        for choice in sorted(found, key=lambda choice: self._held[choice]):
            options = [option for option in self._ladders.values(choice) if option != found[choice]]
            if options:
                walk.move({choice: options[int(rng.random() * len(options))]})
                walk.left_out.add(node)
                return True
        return False


def smallest_strides(trace: Trace, ladders: Ladders) -> dict[str, float]:
    """Label of a stride → the value at which the stride is smallest."""
    found: dict[str, float] = {}
    for sources in trace.sources.values():
        if "strides" in sources:
            for label in labels_of(sources["strides"]):
                found[label] = min(ladders.values(label), key=_stride_by(sources["strides"], label))
    return found


def _merged(walk: Walk, node: Node, shapes: Sequence[Shape]) -> Shape:
    """The shape of a sum or of tensors side by side; where they differ, of those that do not follow another."""
    if len({shape[:-1] for shape in shapes}) > 1:
        leading = [shape for source, shape in zip(node.inputs, shapes, strict=True) if source not in walk.followers]
        return (leading or shapes)[0]
    return output_of(node.layer, shapes) or shapes[0]


def _stride(source: Any, vals: Mapping[str, float]) -> float:
    stride = given(source, vals)
    return max(stride) if isinstance(stride, tuple) else stride


def _stride_by(source: Any, label: str) -> Callable[[float], float]:
    return lambda value: _stride(source, {label: value})


def _log_ratio(value: float, before: float) -> float:
    """How much of a reduction is left, of a stride that is lowered."""
    return math.log(max(value, 1)) / math.log(before) if before > 1 else 0.0


def _held_labels(space: Space) -> dict[str, int]:
    """Choice → how many labels are active under some of its options only."""
    held = dict.fromkeys(space.labels, 0)
    for parameter in space.parameters:
        for choice in {choice for alternative in parameter.conditions for choice, _ in alternative}:
            held[choice] += 1
    return held
