"""Numbers that know from which labels they were made, and points made of them.

A point of traced numbers is given to ``network``, which works with them as with any numbers: they are ints and floats.
What it computes of them with ``+ - * / // % **``, ``round``, ``min`` and ``max`` is traced again, so that the argument
of a layer can be computed anew for other values of its labels. ``int(x)`` always returns a plain int; it is noted down
and found again by its value (``conversions``). A bool, None or string of an option carries nothing.
"""

import math
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

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

# The last traced number that int() or float() made into each plain number, while a network is traced.
Conversions = dict[float, "Traced"]


class Traced:
    """What a ``TracedInt`` and a ``TracedFloat`` have in common.

    Attributes:
        function: what made it, or None for the value of a parameter.
        operands: the arguments of the function, or the label of the parameter and its value.
        conversions: of the point that it belongs to.
        real: the plain number.
        used_for: the argument of a layer that was given what int() made of it, None so far.
    """

    function: Callable[..., Any] | None
    operands: tuple[Any, ...]
    conversions: Conversions
    real: Any
    used_for: str | None = None

    def __int__(self) -> int:
        number = int(self.real)
        self.conversions[number] = _made(number, int, (self,), self.conversions)
        return number

    def __float__(self) -> float:
        number = float(self.real)
        self.conversions[number] = self
        return number


class TracedInt(Traced, int):
    """An int that knows where it comes from."""


class TracedFloat(Traced, float):
    """A float that knows where it comes from."""


def is_traced(value: Any) -> bool:
    """Whether it is traced, or a list or tuple that holds traced numbers."""
    return isinstance(value, Traced) or (isinstance(value, list | tuple) and any(map(is_traced, value)))


def untraced(value: Any) -> Any:
    """The value as plain numbers."""
    if isinstance(value, Traced):
        return value.real
    return tuple(map(untraced, value)) if isinstance(value, list | tuple) else value


def labels_of(value: Any) -> Iterator[str]:
    """The labels that a value was made from; one may come twice."""
    if isinstance(value, Traced):
        if value.function is None:
            yield value.operands[0]
        else:
            yield from labels_of(value.operands)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from labels_of(item)


def form_of(value: Any, labels: Mapping[str, int]) -> Any:
    """How a value was made, with numbers for its labels: equal for values that are made alike."""
    if isinstance(value, Traced):
        if value.function is None:
            return labels[value.operands[0]]
        return value.function, *[form_of(operand, labels) for operand in value.operands]
    return (value,)


def _made(value: Any, function: Callable[..., Any] | None, operands: tuple[Any, ...], conversions: Conversions) -> Any:
    """The value, traced if it is an int or a float."""
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
        return _made(function(self.real, *args), function, (self, *args), self.conversions)

    return method


def _binary(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def method(self: Traced, other: Any) -> Any:
        if not isinstance(other, int | float):
            return NotImplemented
        return _made(function(self.real, other.real), function, (self, _source(self, other)), self.conversions)

    return method


def _reflected(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def method(self: Traced, other: Any) -> Any:
        if not isinstance(other, int | float):
            return NotImplemented
        return _made(function(other.real, self.real), function, (_source(self, other), self), self.conversions)

    return method


def _source(one: Traced, other: Any) -> Any:
    """What the other operand was made from, if it is a fraction that float() made plain."""
    return one.conversions.get(other, other) if type(other) is float else other


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


def traced_points(space: Space) -> Callable[[Mapping[str, float], Conversions], Any]:
    """A function as ``space.point``, whose points are made of traced numbers."""
    integers = {one.label for one in space.parameters if one.distribution.is_integer}
    closures: dict[Node, Evaluate] = {}
    for node in reversed(sort_topologically(space.root)):
        closures[node] = _closure(node, [closures[child] for child in get_children(node)], integers)
    return closures[space.root]


def _closure(node: Node, below: list[Evaluate], integers: set[str]) -> Evaluate:
    """As ``metaopt.spaces.evaluation._make_closure``, for traced numbers."""
    match node:
        case Constant(value=value):
            return lambda _, __: value
        case Value(label=label):
            convert = int if label in integers else float
            return lambda vals, conversions: _made(convert(vals[label]), None, (label, vals[label]), conversions)
        case Choice(label=label, options=options):
            numbers = _numbers(options)
            if numbers is None:
                return lambda vals, conversions: below[check_index(node, vals[label])](vals, conversions)

            def constant(vals: Mapping[str, float], conversions: Conversions) -> Any:
                index = _made(int(vals[label]), None, (label, vals[label]), conversions)
                return _made(numbers(index.real), numbers, (index,), conversions)

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
                return _made(call(*map(untraced, operands)), call, operands, conversions)

            return operation


def _numbers(options: tuple[Node, ...]) -> Callable[[float], Any] | None:
    """A function from the index of an option to its number, if all options are constant numbers."""
    values = [option.value if isinstance(option, Constant) else None for option in options]
    if all(type(value) in (int, float) for value in values):
        return lambda index: values[int(index)]
    return None
