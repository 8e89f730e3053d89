"""The expression tree of a compiled space: what a point looks like, and where its parameters stand in it.

A node that several branches share is one object, so that walks may remember what they have seen; nodes are therefore
compared by identity.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class Constant:
    """A value that no parameter changes."""

    value: Any


@dataclass(frozen=True, eq=False)
class Value:
    """The value of a parameter itself, as a plain int or float."""

    label: str


@dataclass(frozen=True, eq=False)
class Choice:
    """One of the options, by the index that is the parameter's value; what the other options hold is inactive."""

    label: str
    options: "tuple[Node, ...]"


@dataclass(frozen=True, eq=False)
class Record:
    """A dict; keys in hyperopt's order, which is sorted."""

    items: "tuple[tuple[Any, Node], ...]"


@dataclass(frozen=True, eq=False)
class Sequence:
    """A tuple; hyperopt makes tuples of lists too."""

    items: "tuple[Node, ...]"


@dataclass(frozen=True, eq=False)
class Operation:
    """A function of other nodes: arithmetic, ``scope.int``, or one that the user defined with ``scope.define``."""

    name: str
    function: Callable[..., Any]
    args: "tuple[Node, ...]"
    named: "tuple[tuple[str, Node], ...]" = ()


Node = Constant | Value | Choice | Record | Sequence | Operation


def children(node: Node) -> "tuple[Node, ...]":
    """The nodes right below; all options of a choice."""
    match node:
        case Choice(options=options):
            return options
        case Record(items=items):
            return tuple(item for _, item in items)
        case Sequence(items=items):
            return items
        case Operation(args=args, named=named):
            return args + tuple(arg for _, arg in named)
    return ()


def walk(root: Node) -> Iterator[Node]:
    """Every node once, each before the nodes below it that were not seen earlier, from left to right."""
    seen: set[int] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        if id(node) not in seen:
            seen.add(id(node))
            yield node
            stack.extend(reversed(children(node)))


def topological(root: Node) -> list[Node]:
    """Every node once, each after all nodes that hold it."""
    order: list[Node] = []
    seen: set[int] = set()
    stack: list[tuple[Node, bool]] = [(root, False)]
    while stack:
        node, finished = stack.pop()
        if finished:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            stack.extend((child, False) for child in children(node))
    return order[::-1]
