"""Evaluation of an expression tree by nested closures, which is hundreds of times faster than pyll."""

from collections.abc import Callable, Container, Mapping
from typing import Any

import numpy as np

from metaopt.errors import UserError
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

Evaluate = Callable[[Mapping[str, float]], Any]


def make_evaluator(root: Node, integers: Container[str]) -> Evaluate:
    """Return a function from label → value to the point. It raises KeyError with a label that has no value.

    Args:
        root: the expression tree.
        integers: labels whose values are ints; all other values are floats.
    """
    closures: dict[int, Evaluate] = {}
    for node in reversed(sort_topologically(root)):
        closures[id(node)] = _make_closure(node, [closures[id(child)] for child in get_children(node)], integers)
    return closures[id(root)]


def check_index(choice: Choice, value: float) -> int:
    """Return the value of a choice as an index of its options.

    Raises:
        UserError: the value is not such an index.
    """
    options = len(choice.options)
    if type(value) is int and 0 <= value < options:  # fast path
        return value
    index = int(value)
    if index != value or not 0 <= index < options:
        raise UserError(
            f"Invalid value for hyperparameter {choice.label!r}: {value}."
            f" Expected the index of an option, 0 to {options - 1}."
        )
    return index


def to_python_number(value: Any) -> Any:
    """Convert a NumPy scalar to a Python number; return any other value unchanged."""
    return value.item() if isinstance(value, np.generic) else value


def _make_closure(node: Node, below: list[Evaluate], integers: Container[str]) -> Evaluate:
    """Return the evaluation function of a node, given those of its children."""
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
        case Dict(items=items):
            pairs = [(key, item) for (key, _), item in zip(items, below, strict=True)]
            return lambda vals: {key: item(vals) for key, item in pairs}
        case Sequence():
            return lambda vals: tuple([item(vals) for item in below])
        case Operation(function=function, args=args, named=named):
            positional = below[: len(args)]
            keywords = [(name, item) for (name, _), item in zip(named, below[len(args) :], strict=True)]
            return lambda vals: to_python_number(
                function(*[item(vals) for item in positional], **{name: item(vals) for name, item in keywords})
            )
