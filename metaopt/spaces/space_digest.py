"""Description of a space: a text that is equal exactly for equal spaces. Its SHA-256 is the digest of a space.

It has one line for the root, one for each choice and one for each parameter, sorted by label::

    point = {"residual": choice[residual], "rate": value[lr]}
    choice[residual] = None | value[residual_units]
    lr ~ loguniform(-0.5, 0.5)
    residual ~ choice(2)
    residual_units ~ quniform(0.501, 4.499, 1)

It contains every label, distribution, argument, option and operation. It does not depend on the order of keys in the
source code, nor on the process.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

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
    walk,
)
from metaopt.spaces.parameters import Parameter
from metaopt.values.value_identity import describe_value


def describe_space(
    root: Node, parameters: Mapping[str, Parameter], describe: Callable[[Any], str] = describe_value
) -> str:
    """Return the description of a space.

    Args:
        root: its expression tree.
        parameters: label → ``Parameter``.
        describe: returns the text of a constant.
    """
    names = _name_choices(root)
    texts: dict[int, str] = {}
    for node in reversed(sort_topologically(root)):
        texts[id(node)] = _describe_node(
            node, [texts.get(id(child), "") for child in get_children(node)], names, describe
        )
    lines = [f"point = {texts[id(root)]}"]
    choices = {names[id(node)]: node for node in walk(root) if isinstance(node, Choice)}
    for name, choice in sorted(choices.items()):
        lines.append(f"{name} = " + " | ".join(texts[id(option)] for option in choice.options))
    for label, parameter in sorted(parameters.items()):
        lines.append(f"{label} ~ {parameter.kind}({', '.join(_describe_number(arg) for arg in parameter.args)})")
    return "\n".join(lines) + "\n"


describe_constant = describe_value


def describe_constant_by_repr(value: Any) -> str:
    """Return a constant as earlier versions described it: of functions without their code, of objects by ``repr``."""
    try:
        return json.dumps(value)
    except TypeError:
        pass
    if isinstance(value, set | frozenset):
        return "{" + ", ".join(sorted(describe_constant_by_repr(item) for item in value)) + "}"
    if isinstance(value, np.ndarray):
        return f"array({value.tolist()}, {value.dtype})"
    if hasattr(value, "__qualname__"):  # a function or a class
        return f"{value.__module__}.{value.__qualname__}"
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


def _name_choices(root: Node) -> dict[int, str]:
    """Return id of a choice node → its name, made of its label. Choices with the same label are numbered."""
    names: dict[int, str] = {}
    count: dict[str, int] = {}
    for node in walk(root):
        if isinstance(node, Choice):
            number = count[node.label] = count.get(node.label, 0) + 1
            names[id(node)] = f"choice[{node.label}]" if number == 1 else f"choice[{node.label}, {number}]"
    return names


def _describe_node(node: Node, below: list[str], names: Mapping[int, str], describe: Callable[[Any], str]) -> str:
    """Return the text of a node, given the texts of its children."""
    match node:
        case Constant(value=value):
            return describe(value)
        case Value(label=label):
            return f"value[{label}]"
        case Choice():
            return names[id(node)]
        case Dict(items=items):
            return (
                "{" + ", ".join(f"{describe(key)}: {text}" for (key, _), text in zip(items, below, strict=True)) + "}"
            )
        case Sequence():
            return "(" + ", ".join(below) + ")"
        case Operation(name=name, args=args, named=named):
            keywords = [f"{key}={text}" for (key, _), text in zip(named, below[len(args) :], strict=True)]
            return f"{name}({', '.join([*below[: len(args)], *keywords])})"


def _describe_number(value: float) -> str:
    """Return a number as text, the same for 1 and 1.0."""
    return repr(int(value) if value == int(value) else value)
