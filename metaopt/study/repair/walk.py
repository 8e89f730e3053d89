"""One network on its way to standing: the values of its labels, and what its layers are by them."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import lru_cache
from operator import attrgetter
from typing import Any

from metaopt.blueprint import InvalidArchitecture, Layer, Node, Shape
from metaopt.study.repair.trace import Sources, Trace
from metaopt.study.repair.traced import given, labels_of

# Arguments that say how wide a layer's output is, and nothing of its height and width.
WIDTHS = ("filters", "units", "depth_multiplier")


class Walk:
    """A traced network, whose labels are being moved.

    Attributes:
        trace: the network; some of its labels may have had other values than those of ``vals``.
        vals: label → value as it is now; what is not active any more may still be among them.
        moved: the labels that were moved.
        shapes: node → shape of its output, as far as it was walked.
        left_out: nodes that a moved choice removes.
        followers: nodes after layers that the space does not decide, such as the projection of a skip: ``network`` may
            make them for the shape of what they are added to.
        stands: whether every layer could be mended.
    """

    def __init__(self, trace: Trace, vals: Mapping[str, float]):
        self.trace = trace
        self.vals = dict(vals)
        self.moved: set[str] = set()
        self.shapes: dict[Node, Shape] = {}
        self.left_out: set[Node] = set()
        self.followers: set[Node] = set()
        self.stands = True
        self._layers: dict[Layer, Layer] = {}

    def move(self, moves: Mapping[str, float]) -> None:
        """Gives labels other values."""
        self.vals.update(moves)
        self.moved.update(moves)

    def layer(self, layer: Layer) -> Layer:
        """A layer of the trace as it was last made."""
        return self._layers.get(layer, layer)

    def make(self, layer: Layer) -> Layer:
        """Makes a layer of the trace anew, by the values as they are now; as it was where there is no such layer."""
        sources = self.trace.sources.get(layer)
        if sources:
            self._layers[layer] = make_again(layer, sources, self.vals) or self.layer(layer)
        return self.layer(layer)


def output_of(layer: Layer, shapes: Sequence[Shape]) -> Shape | None:
    """The shape of a layer's output; None if it would be empty, or the layer cannot be called on that input."""
    try:
        shape = layer.output_shape(*shapes)
    except InvalidArchitecture:
        return None
    return shape if min(shape) >= 1 else None


def make_again(layer: Layer, sources: Sources, vals: Mapping[str, float]) -> Layer | None:
    """The layer with arguments for other values of labels; None if there is no such layer.

    Below 0 an argument becomes 0: a trace does not tell of ``max(0, x)``, but no network that stands has less.
    """
    kind = type(layer)
    names, values_of = _arguments(kind)
    values = list(values_of(layer))
    try:
        for name, source in sources.items():
            value = given(source, vals)
            values[names[name]] = 0 if type(value) is int and value < 0 else value
        return kind(*values)
    except (InvalidArchitecture, ArithmeticError, ValueError, TypeError):  # of a function in the space, too
        return None


def labels_in(sources: Sources, *, widths: bool) -> list[str]:
    """The labels of the arguments that are widths, or of those that are none; each once."""
    found = [source for name, source in sources.items() if (name in WIDTHS) == widths]
    return list(dict.fromkeys(labels_of(found)))


@lru_cache
def _arguments(kind: type[Layer]) -> tuple[dict[str, int], Any]:
    """Names of a kind's arguments with their positions, and a function from a layer to their values."""
    names: tuple[str, ...] = kind.__match_args__
    values = attrgetter(*names)
    numbers = {name: number for number, name in enumerate(names)}
    return numbers, values if len(names) > 1 else lambda layer: (values(layer),)


@lru_cache
def geometry_of(kind: type[Layer]) -> Any:
    """A function from a layer to its arguments that are no widths."""
    names = [entry.name for entry in fields(kind) if entry.init and entry.name not in (*WIDTHS, "name")]
    known = [name for name in ("kernel_size", "pool_size", "strides", "padding", "dilation_rate") if name in names]
    return attrgetter(*(known or names)) if known or names else lambda _: ()
