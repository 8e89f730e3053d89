"""A point read backwards: which values of the parameters it came from.

Dicts and sequences are taken apart key by key, operations are inverted, and of each choice the first option that can
have produced the value is taken. Where a parameter stands at several places, it must have one value at all of them,
which may force a later option: the search goes back and tries it.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np

from metaopt.errors import UserError
from metaopt.spaces.canonical import describe
from metaopt.spaces.evaluating import evaluator, plain
from metaopt.spaces.inverting import preimages
from metaopt.spaces.nodes import Choice, Constant, Node, Operation, Record, Sequence, Value, walk
from metaopt.spaces.parameters import Parameter

Path = tuple[str, ...]


def decode(
    root: Node, parameters: Mapping[str, Parameter], point: Any, defaults: Mapping[str, Any]
) -> dict[str, float]:
    """The values of a point, see ``Space.vals``.

    Raises:
        UserError: it is no point of the space; the key that does not fit is named.
    """
    try:
        return _Decoder(parameters, defaults).solve([_Task(root, point, ())], {})
    except _Misfit as misfit:
        raise UserError(f"the point is not of this space: {misfit}") from None


@dataclass(frozen=True)
class _Task:
    """This node must have this value; the path says where in the point it stands."""

    node: Node
    value: Any
    path: Path


@dataclass(frozen=True)
class _Way:
    """One way to produce a value: what must hold below, and the choice that it makes."""

    task: _Task
    sets: dict[str, float]


class _Misfit(Exception):
    """A value that a node cannot have."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{'.'.join(path) or 'it'} {problem}")
        self.path = path


class _Decoder:
    def __init__(self, parameters: Mapping[str, Parameter], defaults: Mapping[str, Any]) -> None:
        self.parameters = parameters
        self.defaults = defaults
        self.judged: dict[object, tuple[list[_Way], _Misfit | None]] = {}

    def solve(self, tasks: list[_Task], known: Mapping[str, float]) -> dict[str, float]:
        """Values that fulfil all tasks and agree with the known ones.

        Raises:
            _Misfit: there are none.
        """
        found = dict(known)
        forks: list[_Task] = []
        todo = list(reversed(tasks))
        while todo:
            task = todo.pop()
            if not isinstance(task.node, Choice | Operation):
                todo.extend(reversed(list(self.step(task, found))))
            elif len(ways := self.ways(task)) > 1:
                forks.append(task)
            else:
                _note(ways[0].sets, task.path, found)
                todo.append(ways[0].task)
        if not forks:
            return found
        first, *rest = forks
        misfit: _Misfit | None = None
        for way in self.ways(first):
            attempt = dict(found)
            try:
                _note(way.sets, first.path, attempt)
                return self.solve([way.task, *rest], attempt)
            except _Misfit as error:
                misfit = misfit or error
        assert misfit is not None  # a fork has ways
        raise misfit

    def step(self, task: _Task, found: dict[str, float]) -> Iterator[_Task]:
        """Takes a task one level apart.

        Args:
            task: one whose node is no choice and no operation.
            found: values so far, completed in place.

        Yields:
            What its children must be.
        """
        node, value, path = task.node, task.value, task.path
        match node:
            case Constant(value=expected):
                if not _same(expected, value):
                    raise _Misfit(path, f"must be {describe(expected)}, and is {describe(value)}")
            case Value(label=label):
                self.assign(label, value, path, found)
            case Record(items=items):
                yield from self.record(dict(items), value, path)
            case Sequence(items=items):
                if not isinstance(value, list | tuple) or len(value) != len(items):
                    raise _Misfit(path, f"must be a list of {len(items)}, and is {describe(value)}")
                for number, (item, part) in enumerate(zip(items, value, strict=True)):
                    yield _Task(item, part, (*path, str(number)))

    def assign(self, label: str, value: Any, path: Path, found: dict[str, float]) -> None:
        """Notes the value of a parameter."""
        distribution = self.parameters[label].distribution
        fitted = distribution.fit(value)
        if fitted is None:
            arguments = ", ".join(f"{arg:g}" for arg in distribution.args)
            raise _Misfit(path, f"is {describe(value)}, which {label!r} ({distribution.name} of {arguments}) cannot be")
        _note({label: fitted}, path, found)

    def record(self, items: dict[Any, Node], value: Any, path: Path) -> Iterator[_Task]:
        """Tasks of a dict's keys."""
        if not isinstance(value, Mapping):
            raise _Misfit(path, f"must be a dict with the keys {', '.join(map(str, items))}, and is {describe(value)}")
        # JSON knows only keys that are strings.
        given = {key if key in items else next((k for k in items if str(k) == key), key): v for key, v in value.items()}
        for key in given:
            if key not in items:
                near = get_close_matches(str(key), map(str, items), n=1)
                raise _Misfit((*path, str(key)), "is no key of it" + (f" (is {near[0]} meant?)" if near else ""))
        for key, node in items.items():
            below = (*path, str(key))
            if key in given:
                yield _Task(node, given[key], below)
            elif ".".join(below) in self.defaults:
                yield _Task(node, self.defaults[".".join(below)], below)
            else:
                raise _Misfit(below, "is missing")

    def ways(self, task: _Task) -> list[_Way]:
        """How a choice or an operation, alone, can have the value of a task.

        Judged once and remembered, so that what never fits is not tried again in each combination.

        Returns:
            One way or more, the first option first.

        Raises:
            _Misfit: there is none.
        """
        value = task.value
        key = (id(task.node), task.path, (type(value), value) if isinstance(value, int | float | str) else id(value))
        if key not in self.judged:
            self.judged[key] = self.judge(task)
        ways, misfit = self.judged[key]
        if misfit is not None:
            raise misfit
        return ways

    def judge(self, task: _Task) -> tuple[list[_Way], _Misfit | None]:
        """The ways that fit, or if there is none the reason: that of the option which came furthest."""
        ways, misfits = [], [_no_way(task)]
        for way in _candidates(task):
            try:
                found = self.solve([way.task], way.sets)
            except _Misfit as misfit:
                misfits.append(misfit)
            else:
                if isinstance(task.node, Choice) or _same(self.evaluate(task.node, found), task.value):
                    ways.append(way)
        return ways, None if ways else max(misfits, key=lambda misfit: len(misfit.path))

    def evaluate(self, node: Node, found: Mapping[str, float]) -> Any:
        integers = {label for label in found if self.parameters[label].distribution.is_integer}
        return evaluator(node, integers)(found)


def _note(sets: Mapping[str, float], path: Path, found: dict[str, float]) -> None:
    """Adds values of parameters, which must agree with those that are known."""
    for label, value in sets.items():
        if not _same(found.setdefault(label, value), value):
            raise _Misfit(path, f"makes {label!r} {value}, and another key makes it {found[label]}")


def _candidates(task: _Task) -> list[_Way]:
    """All ways to produce a value, whether or not they fit."""
    node = task.node
    if isinstance(node, Choice):
        return [
            _Way(_Task(option, task.value, task.path), {node.label: index}) for index, option in enumerate(node.options)
        ]
    assert isinstance(node, Operation)
    variable = [number for number, arg in enumerate(node.args) if not _is_constant(arg)]
    if not variable and all(_is_constant(arg) for _, arg in node.named):
        return [_Way(_Task(Constant(evaluator(node, ())({})), task.value, task.path), {})]
    if len(variable) != 1 or node.named:
        return []
    place = variable[0]
    constants = [evaluator(arg, ())({}) for number, arg in enumerate(node.args) if number != place]
    return [
        _Way(_Task(node.args[place], value, task.path), {})
        for value in preimages(node.name, constants, place, task.value)
    ]


def _no_way(task: _Task) -> _Misfit:
    """Why nothing produces the value, if no option says it better."""
    value = describe(task.value)
    if isinstance(task.node, Choice):
        return _Misfit(task.path, f"is {value}, which is none of the options of {task.node.label!r}")
    assert isinstance(task.node, Operation)
    return _Misfit(task.path, f"is {value}, which cannot be traced back through scope.{task.node.name}")


def _is_constant(node: Node) -> bool:
    """No parameter stands in it."""
    return not any(isinstance(below, Value | Choice) for below in walk(node))


def _same(expected: Any, value: Any) -> bool:
    """Equal, where True is not 1, NaN is NaN, and numbers may differ by what text and arithmetic lose."""
    expected, value = plain(expected), plain(value)
    if isinstance(expected, bool) or isinstance(value, bool):
        return expected is value
    if isinstance(expected, int | float) and isinstance(value, int | float):
        return math.isclose(expected, value, rel_tol=1e-9) or (expected != expected and value != value)
    if isinstance(expected, list | tuple) and isinstance(value, list | tuple):
        return len(expected) == len(value) and all(map(_same, expected, value))
    return bool(np.all(expected == value))
