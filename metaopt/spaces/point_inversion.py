"""Inversion of points: find the parameter values that produce a given point.

Dicts and sequences are matched item by item, and operations are inverted. For each choice, the first option that can
produce the value is selected. A parameter that occurs several times must have the same value everywhere; this may rule
out an option, so the search backtracks to later options.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from metaopt.errors import UserError, nearest
from metaopt.spaces.evaluation import make_evaluator, to_python_number
from metaopt.spaces.nodes import Choice, Constant, Dict, Node, Operation, Sequence, Value, walk
from metaopt.spaces.operation_inverses import find_preimages
from metaopt.spaces.parameters import Parameter
from metaopt.spaces.space_digest import describe_constant

Path = tuple[str, ...]


def find_vals(
    root: Node, parameters: Mapping[str, Parameter], point: Any, defaults: Mapping[str, Any]
) -> dict[str, float]:
    """Find the values that produce a point, see ``Space.vals``.

    Raises:
        UserError: the point is not in the space. The message names the key that does not fit.
    """
    try:
        return _Solver(parameters, defaults).solve([_Equation(root, point, ())], {})
    except _Mismatch as mismatch:
        raise UserError(f"The point is not in this space: {mismatch}.") from None


@dataclass(frozen=True)
class _Equation:
    """The requirement that a node has a value.

    Attributes:
        node: the node.
        value: the required value.
        path: keys that lead to the value in the point.
    """

    node: Node
    value: Any
    path: Path


@dataclass(frozen=True)
class _Candidate:
    """One candidate explanation of a value.

    Attributes:
        equation: the resulting equation for the node below.
        assigned: value of the choice whose option it selects, by label; empty for operations.
    """

    equation: _Equation
    assigned: dict[str, float]


class _Mismatch(Exception):
    """A value that a node cannot have."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{'.'.join(path) or 'it'} {problem}")
        self.path = path


class _Solver:
    """Solver of equations by backtracking."""

    def __init__(self, parameters: Mapping[str, Parameter], defaults: Mapping[str, Any]) -> None:
        self.parameters = parameters
        self.defaults = defaults
        self.checked: dict[object, tuple[list[_Candidate], _Mismatch | None]] = {}

    def solve(self, equations: list[_Equation], known: Mapping[str, float]) -> dict[str, float]:
        """Find values that satisfy all equations and agree with the known values.

        Raises:
            _Mismatch: there are no such values.
        """
        found = dict(known)
        ambiguous: list[_Equation] = []
        stack = list(reversed(equations))
        while stack:
            equation = stack.pop()
            if not isinstance(equation.node, Choice | Operation):
                stack.extend(reversed(list(self.expand(equation, found))))
            elif len(candidates := self.get_candidates(equation)) > 1:
                ambiguous.append(equation)
            else:
                _assign(candidates[0].assigned, equation.path, found)
                stack.append(candidates[0].equation)
        if not ambiguous:
            return found
        first, *rest = ambiguous
        mismatch: _Mismatch | None = None
        for candidate in self.get_candidates(first):
            attempt = dict(found)
            try:
                _assign(candidate.assigned, first.path, attempt)
                return self.solve([candidate.equation, *rest], attempt)
            except _Mismatch as error:
                mismatch = mismatch or error
        assert mismatch is not None  # an ambiguous equation has candidates
        raise mismatch

    def expand(self, equation: _Equation, found: dict[str, float]) -> Iterator[_Equation]:
        """Replace an equation by equations for the children of its node.

        Args:
            equation: an equation for a node that is neither a choice nor an operation.
            found: values found so far, completed in place.

        Yields:
            The equations for the children.
        """
        node, value, path = equation.node, equation.value, equation.path
        match node:
            case Constant(value=expected):
                if not _are_equal(expected, value):
                    raise _Mismatch(path, f"is {describe_constant(value)}, expected {describe_constant(expected)}")
            case Value(label=label):
                self.match_parameter(label, value, path, found)
            case Dict(items=items):
                yield from self.expand_dict(dict(items), value, path)
            case Sequence(items=items):
                if not isinstance(value, list | tuple) or len(value) != len(items):
                    raise _Mismatch(path, f"is {describe_constant(value)}, expected a list of length {len(items)}")
                for number, (item, item_value) in enumerate(zip(items, value, strict=True)):
                    yield _Equation(item, item_value, (*path, str(number)))

    def match_parameter(self, label: str, value: Any, path: Path, found: dict[str, float]) -> None:
        """Add the value of a parameter."""
        distribution = self.parameters[label].distribution
        matched = distribution.match(value)
        if matched is None:
            arguments = ", ".join(f"{arg:g}" for arg in distribution.args)
            expected = f"a value of hyperparameter {label!r}, {distribution.name}({arguments})"
            raise _Mismatch(path, f"is {describe_constant(value)}, expected {expected}")
        _assign({label: matched}, path, found)

    def expand_dict(self, items: dict[Any, Node], value: Any, path: Path) -> Iterator[_Equation]:
        """Yield the equations for the items of a dict."""
        if not isinstance(value, Mapping):
            keys = ", ".join(map(str, items))
            raise _Mismatch(path, f"is {describe_constant(value)}, expected a dict with the keys {keys}")
        # In JSON, all keys are strings.
        given = {key if key in items else next((k for k in items if str(k) == key), key): v for key, v in value.items()}
        for key in given:
            if key not in items:
                near = nearest(str(key), map(str, items))
                raise _Mismatch(
                    (*path, str(key)), "is an unknown key" + ("" if near is None else f" (did you mean {near}?)")
                )
        for key, node in items.items():
            below = (*path, str(key))
            if key in given:
                yield _Equation(node, given[key], below)
            elif ".".join(below) in self.defaults:
                yield _Equation(node, self.defaults[".".join(below)], below)
            else:
                raise _Mismatch(below, "is missing")

    def get_candidates(self, equation: _Equation) -> list[_Candidate]:
        """Return the candidates that explain the value of a choice or an operation on its own.

        The result is cached, so that a candidate that never fits is not tried again in every combination.

        Returns:
            One candidate or more, in the order of the options.

        Raises:
            _Mismatch: there is none.
        """
        value = equation.value
        identity = (type(value), value) if isinstance(value, int | float | str) else id(value)
        key = (id(equation.node), equation.path, identity)
        if key not in self.checked:
            self.checked[key] = self.check_candidates(equation)
        candidates, mismatch = self.checked[key]
        if mismatch is not None:
            raise mismatch
        return candidates

    def check_candidates(self, equation: _Equation) -> tuple[list[_Candidate], _Mismatch | None]:
        """Return the candidates that fit; if there is none, also the mismatch deepest in the point."""
        node = equation.node
        candidates, mismatches = [], [_explain_mismatch(equation)]
        for candidate in _list_candidates(equation):
            try:
                found = self.solve([candidate.equation], candidate.assigned)
            except _Mismatch as mismatch:
                mismatches.append(mismatch)
            else:
                if isinstance(node, Choice) or _are_equal(self.evaluate(node, found), equation.value):
                    candidates.append(candidate)
        return candidates, None if candidates else max(mismatches, key=lambda mismatch: len(mismatch.path))

    def evaluate(self, node: Node, found: Mapping[str, float]) -> Any:
        """Return the value of a node, given the values of its parameters."""
        integers = {label for label in found if self.parameters[label].distribution.is_integer}
        return make_evaluator(node, integers)(found)


def _assign(values: Mapping[str, float], path: Path, found: dict[str, float]) -> None:
    """Add values of parameters, which must agree with the known ones."""
    for label, value in values.items():
        if not _are_equal(found.setdefault(label, value), value):
            raise _Mismatch(path, f"requires {label!r} = {value}, but another key requires {found[label]}")


def _list_candidates(equation: _Equation) -> list[_Candidate]:
    """List all candidates that might explain a value, without checking them."""
    node, value, path = equation.node, equation.value, equation.path
    if isinstance(node, Choice):
        return [
            _Candidate(_Equation(option, value, path), {node.label: index}) for index, option in enumerate(node.options)
        ]
    assert isinstance(node, Operation)
    variable = [number for number, arg in enumerate(node.args) if not _is_constant(arg)]
    if not variable and all(_is_constant(arg) for _, arg in node.named):
        return [_Candidate(_Equation(Constant(make_evaluator(node, ())({})), value, path), {})]
    if len(variable) != 1 or node.named:
        return []
    position = variable[0]
    constants = [make_evaluator(arg, ())({}) for number, arg in enumerate(node.args) if number != position]
    return [
        _Candidate(_Equation(node.args[position], preimage, path), {})
        for preimage in find_preimages(node.name, constants, position, value)
    ]


def _explain_mismatch(equation: _Equation) -> _Mismatch:
    """Return the mismatch to report if no candidate has a more specific one."""
    value = describe_constant(equation.value)
    if isinstance(equation.node, Choice):
        return _Mismatch(equation.path, f"is {value}, expected one of the options of {equation.node.label!r}")
    assert isinstance(equation.node, Operation)
    return _Mismatch(equation.path, f"is {value}, for which scope.{equation.node.name} has no inverse")


def _is_constant(node: Node) -> bool:
    """Return whether a node contains no parameter."""
    return not any(isinstance(below, Value | Choice) for below in walk(node))


def _are_equal(expected: Any, value: Any) -> bool:
    """Compare two values: True differs from 1, NaN equals NaN, and numbers may have rounding errors."""
    expected, value = to_python_number(expected), to_python_number(value)
    if isinstance(expected, bool) or isinstance(value, bool):
        return expected is value
    if isinstance(expected, int | float) and isinstance(value, int | float):
        return math.isclose(expected, value, rel_tol=1e-9) or (expected != expected and value != value)
    if isinstance(expected, list | tuple) and isinstance(value, list | tuple):
        return len(expected) == len(value) and all(map(_are_equal, expected, value))
    return bool(np.all(expected == value))
