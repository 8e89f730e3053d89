"""The text by which two spaces are told apart.

One line for the root and one for each choice, then one for each parameter, sorted by label::

    point = {"residual": choice[residual], "rate": value[lr]}
    choice[residual] = None | value[residual_units]
    lr ~ loguniform(-0.5, 0.5)
    residual ~ choice(2)
    residual_units ~ quniform(0.501, 4.499, 1)

Every label, distribution, argument, option and operation is in it; the order in which keys were written is not, nor
does any number change with the process.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from metaopt.spaces.nodes import Choice, Constant, Node, Operation, Record, Sequence, Value, children, topological, walk
from metaopt.spaces.parameters import Parameter


def canonical_text(root: Node, parameters: Mapping[str, Parameter]) -> str:
    """The canonical text of a space.

    Args:
        root: its expression tree.
        parameters: label → ``Parameter``.
    """
    names = _choice_names(root)
    texts: dict[int, str] = {}
    for node in reversed(topological(root)):
        texts[id(node)] = _text(node, [texts.get(id(child), "") for child in children(node)], names)
    lines = [f"point = {texts[id(root)]}"]
    choices = {names[id(node)]: node for node in walk(root) if isinstance(node, Choice)}
    for name, choice in sorted(choices.items()):
        lines.append(f"{name} = " + " | ".join(texts[id(option)] for option in choice.options))
    for label, parameter in sorted(parameters.items()):
        lines.append(f"{label} ~ {parameter.kind}({', '.join(_number(arg) for arg in parameter.args)})")
    return "\n".join(lines) + "\n"


def describe(value: Any) -> str:
    """A constant as text without anything that changes from process to process."""
    try:
        return json.dumps(value)
    except TypeError:
        pass
    if isinstance(value, set | frozenset):
        return "{" + ", ".join(sorted(describe(item) for item in value)) + "}"
    if isinstance(value, np.ndarray):
        return f"array({value.tolist()}, {value.dtype})"
    if hasattr(value, "__qualname__"):  # a function or a class
        return f"{value.__module__}.{value.__qualname__}"
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


def _choice_names(root: Node) -> dict[int, str]:
    """A name for each choice by its label; several that share one parameter are numbered from left to right."""
    names: dict[int, str] = {}
    count: dict[str, int] = {}
    for node in walk(root):
        if isinstance(node, Choice):
            number = count[node.label] = count.get(node.label, 0) + 1
            names[id(node)] = f"choice[{node.label}]" if number == 1 else f"choice[{node.label}, {number}]"
    return names


def _text(node: Node, below: list[str], names: Mapping[int, str]) -> str:
    match node:
        case Constant(value=value):
            return describe(value)
        case Value(label=label):
            return f"value[{label}]"
        case Choice():
            return names[id(node)]
        case Record(items=items):
            return (
                "{" + ", ".join(f"{describe(key)}: {text}" for (key, _), text in zip(items, below, strict=True)) + "}"
            )
        case Sequence():
            return "(" + ", ".join(below) + ")"
        case Operation(name=name, args=args, named=named):
            keywords = [f"{key}={text}" for (key, _), text in zip(named, below[len(args) :], strict=True)]
            return f"{name}({', '.join([*below[: len(args)], *keywords])})"


def _number(value: float) -> str:
    """Equal for 1 and 1.0."""
    return repr(int(value) if value == int(value) else value)
