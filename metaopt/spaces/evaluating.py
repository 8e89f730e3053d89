"""An expression tree made into nested closures, which evaluate it hundreds of times faster than pyll does."""

from collections.abc import Callable, Container, Mapping
from typing import Any

import numpy as np

from metaopt.errors import UserError
from metaopt.spaces.nodes import Choice, Constant, Node, Operation, Record, Sequence, Value, children, topological

Evaluate = Callable[[Mapping[str, float]], Any]


def evaluator(root: Node, integers: Container[str]) -> Evaluate:
    """A function from values by label to the point; it raises KeyError with the label that has no value.

    Args:
        root: the expression tree.
        integers: labels whose values are ints; those of all others are floats.
    """
    closures: dict[int, Evaluate] = {}
    for node in reversed(topological(root)):
        closures[id(node)] = _closure(node, [closures[id(child)] for child in children(node)], integers)
    return closures[id(root)]


def check_index(choice: Choice, value: float) -> int:
    """The index of the option that a choice's value picks.

    Raises:
        UserError: it is the index of none.
    """
    options = len(choice.options)
    if type(value) is int and 0 <= value < options:  # as it nearly always is
        return value
    index = int(value)
    if index != value or not 0 <= index < options:
        raise UserError(f"{choice.label!r} has {options} options, counted from 0; {value} is none of them")
    return index


def plain(value: Any) -> Any:
    """A numpy number as the Python number that it stands for; anything else as it is."""
    return value.item() if isinstance(value, np.generic) else value


def _closure(node: Node, below: list[Evaluate], integers: Container[str]) -> Evaluate:
    """The function of one node, from those of its children."""
    match node:
        case Constant(value=value):
            return lambda _: value
        case Value(label=label):
            convert = int if label in integers else float
            return lambda vals: convert(vals[label])
        case Choice(label=label, options=options):
            if all(isinstance(option, Constant) for option in options):
                constants = [option.value for option in options if isinstance(option, Constant)]
                return lambda vals: constants[check_index(node, vals[label])]
            return lambda vals: below[check_index(node, vals[label])](vals)
        case Record(items=items):
            pairs = [(key, item) for (key, _), item in zip(items, below, strict=True)]
            return lambda vals: {key: item(vals) for key, item in pairs}
        case Sequence():
            return lambda vals: tuple([item(vals) for item in below])
        case Operation(function=function, args=args, named=named):
            positional = below[: len(args)]
            keywords = [(name, item) for (name, _), item in zip(named, below[len(args) :], strict=True)]
            return lambda vals: plain(
                function(*[item(vals) for item in positional], **{name: item(vals) for name, item in keywords})
            )
