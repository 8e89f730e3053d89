"""Tracing of a network function: which labels of the space each layer argument was computed from.

The network is built from traced numbers. They are ints and floats that record their labels, so ``network`` computes
with them as usual. Results of ``+ - * / // % **``, ``round``, ``min`` and ``max`` are traced too, so that a layer
argument can be recomputed for other values of its labels. ``int(x)`` always returns a plain int; the conversion is
recorded and found again by its value (``Conversions``). Bools, None and strings are not traced.
"""

import math
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from metaopt.blueprint import Blueprint, Layer, observe_layers
from metaopt.spaces import Space
from metaopt.spaces.evaluation import check_index, to_python_number
from metaopt.spaces.nodes import (
    Choice,
    Constant,
    Dict,
    Node,
    Operation,
    Sequence,
    Value,
    get_children,
    sort_topologically,
)

# Plain number → the traced number that int() or float() last converted to it.
Conversions = dict[float, "Traced"]
# Argument of a layer → traced numbers, possibly in tuples.
Sources = dict[str, Any]

_MAX_EMPTY_OUTPUTS = 500  # in one trace; the deepest network of the zoo has 61 layers that shrink an image


class Traced:
    """Base of ``TracedInt`` and ``TracedFloat``.

    Attributes:
        function: computed this number; None for the value of a parameter.
        operands: arguments of the function; label and value of a parameter.
        conversions: shared by all numbers of a point.
        real: the plain number.
        used_for: name of the layer argument that int() of this number was passed to, or None.
    """

    function: Callable[..., Any] | None
    operands: tuple[Any, ...]
    conversions: Conversions
    real: Any
    used_for: str | None = None

    def __int__(self) -> int:
        number = int(self.real)
        self.conversions[number] = _traced(number, int, (self,), self.conversions)
        return number

    def __float__(self) -> float:
        number = float(self.real)
        self.conversions[number] = self
        return number


class TracedInt(Traced, int):
    """An int that records how it was computed."""


class TracedFloat(Traced, float):
    """A float that records how it was computed."""


@dataclass(frozen=True)
class Trace:
    """A traced network.

    Attributes:
        blueprint: the network; sizes below 1 are set to 1.
        sources: layer → its traced arguments; layers without traced arguments are left out.
    """

    blueprint: Blueprint
    sources: Mapping[Layer, Sources]


def trace_network(network: Callable[[Any], Blueprint], point: Any, conversions: Conversions) -> Trace | None:
    """Build the network of a traced point and record the sources of its layer arguments.

    Args:
        network: from a point to a blueprint.
        point: made of traced numbers, see ``traced_points``.
        conversions: of the point.

    Returns:
        None if the function raises: it may reject the point, or not support traced numbers or sizes set to 1.
    """
    sources: dict[Layer, Sources] = {}

    def observer(make: Callable[..., Layer], arguments: dict[str, Any]) -> Layer:
        found = _take_sources(arguments, conversions)
        layer = make(**arguments)
        if found:
            sources[layer] = found
        return layer

    try:
        with observe_layers(observer, _MAX_EMPTY_OUTPUTS):
            return Trace(network(point), sources)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 (the function need not support traced numbers; it is called again with plain ones)
        return None


def _take_sources(arguments: dict[str, Any], conversions: Conversions) -> Sources:
    """Replace traced arguments by plain numbers, which may stay in the caches of metaopt.blueprint; return them."""
    sources: Sources = {}
    for name, value in arguments.items():
        kind = type(value)
        if kind is TracedInt or kind is TracedFloat:
            sources[name] = value
            arguments[name] = value.real
        elif kind is int:
            source = conversions.get(value)
            # A converted number is the source of one argument name only. 0 and 1 are mostly constants: one use only.
            if source is not None and (value > 1 or source.used_for is None) and source.used_for in (None, name):
                source.used_for = name
                sources[name] = source
        elif (kind is tuple or kind is list) and is_traced(value):
            sources[name] = value
            arguments[name] = untraced(value)
    return sources


def is_traced(value: Any) -> bool:
    """Return whether a value is a traced number, or a list or tuple that contains one."""
    return isinstance(value, Traced) or (isinstance(value, list | tuple) and any(map(is_traced, value)))


def untraced(value: Any) -> Any:
    """Return a value with plain numbers in place of traced ones."""
    if isinstance(value, Traced):
        return value.real
    return tuple(map(untraced, value)) if isinstance(value, list | tuple) else value


def labels_of(value: Any) -> Iterator[str]:
    """Yield the labels that a value was computed from, with repetitions."""
    if isinstance(value, Traced):
        if value.function is None:
            yield value.operands[0]
        else:
            yield from labels_of(value.operands)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from labels_of(item)


def expression_of(value: Any, labels: Mapping[str, int]) -> Any:
    """Return the expression of a traced value, with numbers for its labels, as a hashable key."""
    if isinstance(value, Traced):
        if value.function is None:
            return labels[value.operands[0]]
        return value.function, *[expression_of(operand, labels) for operand in value.operands]
    return (value,)


def _traced(
    value: Any, function: Callable[..., Any] | None, operands: tuple[Any, ...], conversions: Conversions
) -> Any:
    """Return the value as a traced number if it is an int or a float."""
    if type(value) is int:
        traced: Any = int.__new__(TracedInt, value)
    elif type(value) is float:
        traced = float.__new__(TracedFloat, value)
    else:
        return value
    traced.function, traced.operands, traced.conversions = function, operands, conversions
    return traced


def _unary(function: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Traced, *args: Any) -> Any:
        return _traced(function(self.real, *args), function, (self, *args), self.conversions)

    return method


def _binary(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def method(self: Traced, other: Any) -> Any:
        if not isinstance(other, int | float):
            return NotImplemented
        return _traced(function(self.real, other.real), function, (self, _operand(self, other)), self.conversions)

    return method


def _reflected(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def method(self: Traced, other: Any) -> Any:
        if not isinstance(other, int | float):
            return NotImplemented
        return _traced(function(other.real, self.real), function, (_operand(self, other), self), self.conversions)

    return method


def _operand(number: Traced, other: Any) -> Any:
    """Return the other operand, traced if float() has converted it."""
    return number.conversions.get(other, other) if type(other) is float else other


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow"):
    for _class in (TracedInt, TracedFloat):
        setattr(_class, f"__{_name}__", _binary(getattr(operator, _name)))
        setattr(_class, f"__r{_name}__", _reflected(getattr(operator, _name)))
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "neg": operator.neg,
    "pos": operator.pos,
    "abs": abs,
    "round": round,
    "floor": math.floor,
    "ceil": math.ceil,
    "trunc": math.trunc,
}
for _name, _function in _FUNCTIONS.items():
    for _class in (TracedInt, TracedFloat):
        setattr(_class, f"__{_name}__", _unary(_function))


Evaluate = Callable[[Mapping[str, float], Conversions], Any]


def traced_points(space: Space) -> Evaluate:
    """Return a function like ``space.point`` whose points are made of traced numbers."""
    integers = {one.label for one in space.parameters if one.distribution.is_integer}
    closures: dict[Node, Evaluate] = {}
    for node in reversed(sort_topologically(space.root)):
        closures[node] = _closure(node, [closures[child] for child in get_children(node)], integers)
    return closures[space.root]


def _closure(node: Node, below: list[Evaluate], integers: set[str]) -> Evaluate:
    """Return the function of one node, as ``metaopt.spaces.evaluation._make_closure`` does for plain numbers."""
    match node:
        case Constant(value=value):
            return lambda _, __: value
        case Value(label=label):
            convert = int if label in integers else float
            return lambda vals, conversions: _traced(convert(vals[label]), None, (label, vals[label]), conversions)
        case Choice(label=label, options=options):
            numbers = _numbers(options)
            if numbers is None:
                return lambda vals, conversions: below[check_index(node, vals[label])](vals, conversions)

            def constant(vals: Mapping[str, float], conversions: Conversions) -> Any:
                index = _traced(int(vals[label]), None, (label, vals[label]), conversions)
                return _traced(numbers(index.real), numbers, (index,), conversions)

            return constant
        case Dict(items=items):
            pairs = [(key, item) for (key, _), item in zip(items, below, strict=True)]
            return lambda vals, conversions: {key: item(vals, conversions) for key, item in pairs}
        case Sequence():
            return lambda vals, conversions: tuple([item(vals, conversions) for item in below])
        case Operation(function=function, args=args, named=named):
            names = [name for name, _ in named]
            count = len(args)

            def call(*operands: Any) -> Any:
                return to_python_number(function(*operands[:count], **dict(zip(names, operands[count:], strict=True))))

            def operation(vals: Mapping[str, float], conversions: Conversions) -> Any:
                operands = tuple([item(vals, conversions) for item in below])
                return _traced(call(*map(untraced, operands)), call, operands, conversions)

            return operation


def _numbers(options: tuple[Node, ...]) -> Callable[[float], Any] | None:
    """Return a function from the index of an option to its number; None if an option is not a constant number."""
    values = [option.value if isinstance(option, Constant) else None for option in options]
    if all(type(value) in (int, float) for value in values):
        return lambda index: values[int(index)]
    return None
