"""Python source of a space: the hyperopt expression that compiles to it, with comments beside its parameters."""

import keyword
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from metaopt.errors import UserError
from metaopt.spaces.distributions import Distribution
from metaopt.spaces.nodes import Choice, Constant, Dict, Node, Operation, Value, get_children, sort_topologically, walk
from metaopt.spaces.nodes import Sequence as SequenceNode
from metaopt.spaces.space import Space
from metaopt.spaces.text_layout import Layout, layout_lines

# First part of the modules of the operations that hyperopt defines itself.
_HYPEROPTS_OWN = ("hyperopt", "_operator", "builtins")
_MOST_DIGITS = 15  # of a number whose logarithm is written as log(number)


@dataclass
class SpaceSource:
    """Python source of a space.

    Attributes:
        statements: the lines that assign ``space``, without imports.
        imports: the lines that import what the statements use, apart from ``names``.
        names: names of values without a literal, which must be imported from where the space was defined.
        operations: operations that hyperopt does not define, so the code that defines them must be imported.
    """

    statements: list[str] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    operations: list[str] = field(default_factory=list)


def write_space(
    space: Space,
    comments: Mapping[str, Sequence[str]] | None = None,
    name_of: Callable[[Any], str | None] = lambda value: None,  # noqa: ARG005
) -> SpaceSource:
    """Return the source of a space. It compiles to a space with the same description.

    Args:
        space: the space.
        comments: label → lines of a comment above its expression.
        name_of: returns the name by which a value without a literal, such as a function, can be imported, or None.

    Raises:
        UserError: an option has neither a literal nor a name, or several expressions share one ``pchoice`` index.
    """
    return _Writer(space, comments or {}, name_of).write()


def write_literal(value: Any, name_of: Callable[[Any], str | None] = lambda value: None) -> str:  # noqa: ARG005
    """Return the Python literal of a value; parts that have none are written by their names.

    Args:
        value: the value.
        name_of: see ``write_space``.

    Raises:
        UserError: a part has neither a literal nor a name.
    """
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    if value is None or type(value) in (bool, int, float, bytes):
        return repr(value)
    if type(value) is str:
        return _quoted(value)
    if type(value) in (tuple, list):
        items = ", ".join(write_literal(one, name_of) for one in value)
        return f"[{items}]" if type(value) is list else f"({items}{',' if len(value) == 1 else ''})"
    if type(value) is dict:
        pairs = (f"{write_literal(key, name_of)}: {write_literal(one, name_of)}" for key, one in value.items())
        return "{" + ", ".join(pairs) + "}"
    name = name_of(value)
    if name is None:
        raise UserError(
            f"The value {value!r:.80} of the space cannot be written as Python. Assign it to a name in the file of the"
            " space and use that name there."
        )
    return name


class _Writer:
    """One pass over one space."""

    def __init__(
        self, space: Space, comments: Mapping[str, Sequence[str]], name_of: Callable[[Any], str | None]
    ) -> None:
        self.space = space
        self.comments = dict(comments)
        self.name_of = name_of
        self.source = SpaceSource()
        self.used: set[str] = set()  # of hp, scope, as_apply and log
        self.variables: dict[int, str] = {}  # id of a shared node → its variable
        self.indices: dict[str, str] = {}  # label of several nodes → its variable
        self.taken = {"space", "hp", "scope", "as_apply", "log", "defaults"}

    def write(self) -> SpaceSource:
        nodes = list(walk(self.space.root))
        labels = Counter(node.label for node in nodes if isinstance(node, Choice | Value))
        for label in (label for label, count in labels.items() if count > 1):
            variable = self.make_variable(label)
            self.assign(variable, self.distribution(label))
            self.indices[label] = variable
        parents = Counter(id(child) for node in nodes for child in get_children(node))
        for node in reversed(sort_topologically(self.space.root)):
            if parents[id(node)] > 1 and self.is_searched(node) and not self.is_variable(node):
                variable = self.make_variable(self.suggest_name(node))
                layout = self.layout(node)
                if isinstance(node, Dict | SequenceNode):
                    self.used.add("as_apply")
                    layout = Layout("as_apply(", [layout], ")")
                self.assign(variable, layout)
                self.variables[id(node)] = variable
        self.assign("space", self.layout(self.space.root))
        self.source.imports = self.list_imports()
        return self.source

    def assign(self, variable: str, layout: Layout) -> None:
        self.source.statements += layout_lines(layout, prefix=f"{variable} = ")

    def layout(self, node: Node) -> Layout:
        """Return the layout of a node, or its variable."""
        if id(node) in self.variables:
            return Layout(self.variables[id(node)])
        match node:
            case Constant(value=value):
                return Layout(self.literal(value))
            case Value(label=label):
                return Layout(self.indices[label]) if label in self.indices else self.distribution(label)
            case Choice():
                return self.choice(node)
            case Dict(items=items):
                return Layout("{", [self.item(f"{self.literal(key)}: ", value) for key, value in items], "}")
            case SequenceNode(items=items):
                return Layout("[", [self.layout(item) for item in items], "]")
            case Operation(name=name, args=args, named=named):
                self.used.add("scope")
                module = getattr(node.function, "__module__", None) or ""
                if module.split(".")[0] not in _HYPEROPTS_OWN and name not in self.source.operations:
                    self.source.operations.append(name)
                keywords = [self.item(f"{key}=", value) for key, value in named]
                return Layout(f"scope.{name}(", [*map(self.layout, args), *keywords], ")")
        raise AssertionError(node)

    def item(self, prefix: str, node: Node) -> Layout:
        return self.layout(node).with_prefix(prefix)

    def choice(self, node: Choice) -> Layout:
        options = [self.layout(option) for option in node.options]
        distribution = self.space.by_label[node.label].distribution
        label = Layout(self.literal(node.label))
        if node.label in self.indices or distribution.name == "randint":
            self.used.add("scope")
            index = Layout(self.indices[node.label]) if node.label in self.indices else self.distribution(node.label)
            return Layout("scope.switch(", [index, *options], ")")
        self.used.add("hp")
        if distribution.name == "pchoice":
            options = [
                Layout("(", [Layout(_number(p)), option], ")")
                for p, option in zip(distribution.args, options, strict=True)
            ]
        return Layout(
            f"hp.{distribution.name}(", [label, Layout("[", options, "]")], ")", self.take_comments(node.label)
        )

    def distribution(self, label: str) -> Layout:
        """Return the layout of a parameter's ``hp.*`` call, for a choice that of its index."""
        distribution = self.space.by_label[label].distribution
        if distribution.name == "pchoice":
            raise UserError(
                f"Several expressions of the space share the index of the pchoice {label!r}, which cannot be written"
                " as hp.*. Use hp.choice, or one pchoice for each."
            )
        self.used.add("hp")
        name = "randint" if distribution.name == "choice" else distribution.name
        arguments = ", ".join([self.literal(label), *self.arguments(distribution)])
        return Layout(f"hp.{name}({arguments})", comments=self.take_comments(label))

    def arguments(self, distribution: Distribution) -> list[str]:
        texts = [_number(arg) for arg in distribution.args]
        if distribution.name in ("loguniform", "qloguniform"):
            texts[:2] = [_logarithm(arg) for arg in distribution.args[:2]]
            if any(text.startswith("log(") for text in texts):
                self.used.add("log")
        if distribution.name == "randint" and distribution.args[0] == 0:
            return texts[1:]
        return texts

    def take_comments(self, label: str) -> list[str]:
        return list(self.comments.pop(label, ()))

    def literal(self, value: Any) -> str:
        return write_literal(value, self.record_name)

    def record_name(self, value: Any) -> str | None:
        """Return the name of a value, which must be imported."""
        name = self.name_of(value)
        if name is not None and name not in self.source.names:
            self.source.names.append(name)
        return name

    def is_searched(self, node: Node) -> bool:
        """Return whether a node contains a parameter, and is no single reference to a variable."""
        return any(isinstance(below, Choice | Value) for below in walk(node))

    def is_variable(self, node: Node) -> bool:
        return isinstance(node, Value) and node.label in self.indices

    def suggest_name(self, node: Node) -> str:
        """Return what the labels of a shared node have in common: block_0 for block_0_kernel and block_0_stride."""
        labels = list(dict.fromkeys(below.label for below in walk(node) if isinstance(below, Choice | Value)))
        if len(labels) == 1 or isinstance(node, Choice):
            return labels[0]
        words = [re.split(r"[_\W]+", label) for label in labels]
        common = 0
        while all(len(each) > common and each[common] == words[0][common] for each in words):
            common += 1
        return "_".join(words[0][:common]) or "part"

    def make_variable(self, wanted: str) -> str:
        """Return a new variable, as similar as possible to the wanted name."""
        name = re.sub(r"\W+", "_", wanted).strip("_") or "part"
        name = name if name.isidentifier() and not name.startswith("_") else f"part_{name}"
        variable, number = name, 1
        while variable in self.taken or keyword.iskeyword(variable):
            number += 1
            variable = f"{name}_{number}"
        self.taken.add(variable)
        return variable

    def list_imports(self) -> list[str]:
        lines = ["from math import log"] if "log" in self.used else []
        if "hp" in self.used:
            lines.append("from hyperopt import hp")
        pyll = sorted(self.used & {"as_apply", "scope"})
        return [*lines, f"from hyperopt.pyll import {', '.join(pyll)}"] if pyll else lines


def _quoted(text: str) -> str:
    """Return the literal of a text, in double quotes where that needs no backslash."""
    literal = repr(text)
    return f'"{literal[1:-1]}"' if literal[0] == "'" and '"' not in literal and "\\'" not in literal else literal


def _number(value: float) -> str:
    return repr(int(value)) if value == int(value) else repr(value)


def _logarithm(value: float) -> str:
    """Return ``log(0.01)`` for a number that is exactly that, else the number."""
    for digits in range(1, _MOST_DIGITS + 1):
        text = f"{math.exp(value):.{digits}g}"
        if float(text) > 0 and math.log(float(text)) == value:
            return f"log({_number(float(text))})"
    return _number(value)
