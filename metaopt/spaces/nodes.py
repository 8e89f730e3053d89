"""Expression tree of a compiled space: the structure of its points and the positions of its parameters.

A node that several branches share is one object, so nodes are compared by identity.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class Constant:
    """A constant value."""

    value: Any


@dataclass(frozen=True, eq=False)
class Value:
    """The value of a parameter, as a plain int or float."""

    label: str


@dataclass(frozen=True, eq=False)
class Choice:
    """One of several options. The value of the parameter is the index of the active option; the others are inactive."""

    label: str
    options: "tuple[Node, ...]"


@dataclass(frozen=True, eq=False)
class Dict:
    """A dict. hyperopt sorts its keys."""

    items: "tuple[tuple[Any, Node], ...]"


@dataclass(frozen=True, eq=False)
class Sequence:
    """A tuple. hyperopt also converts lists to tuples."""

    items: "tuple[Node, ...]"


@dataclass(frozen=True, eq=False)
class Operation:
    """A function of other nodes: arithmetic, ``scope.int``, or a function added by ``scope.define``."""

    name: str
    function: Callable[..., Any]
    args: "tuple[Node, ...]"
    named: "tuple[tuple[str, Node], ...]" = ()


Node = Constant | Value | Choice | Dict | Sequence | Operation


def get_children(node: Node) -> "tuple[Node, ...]":
    """Return the nodes directly below a node; for a choice, all options."""
    match node:
        case Choice(options=options):
            return options
        case Dict(items=items):
            return tuple(item for _, item in items)
        case Sequence(items=items):
            return items
        case Operation(args=args, named=named):
            return args + tuple(arg for _, arg in named)
    return ()


def walk(root: Node) -> Iterator[Node]:
    """Yield every node once, in preorder from left to right."""
    seen: set[int] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        if id(node) not in seen:
            seen.add(id(node))
            yield node
            stack.extend(reversed(get_children(node)))


def sort_topologically(root: Node) -> list[Node]:
    """Return every node once, each after all nodes that contain it."""
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
            stack.extend((child, False) for child in get_children(node))
    return order[::-1]
