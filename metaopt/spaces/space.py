"""A compiled search space: its parameters, draws from the prior, and the point that a draw stands for."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from metaopt.errors import UserError
from metaopt.spaces.canonical import canonical_text
from metaopt.spaces.decoding import decode
from metaopt.spaces.evaluating import check_index, evaluator
from metaopt.spaces.groups import Group, find_groups
from metaopt.spaces.nodes import Choice, Node, Value, children
from metaopt.spaces.parameters import Parameter, Vals

# The unit interval without its ends, at which a normal distribution is infinite.
_INSIDE = (2.0**-53, 1 - 2.0**-53)
_NO_VALUE = float("nan")  # of a label that was not given one

# Of a parameter: label, number, quantile function, and if it is a choice that and the entries below its options.
_Entry = tuple[str, int, Callable[[float], float], Choice | None, list[Any]]


@dataclass(frozen=True, eq=False)
class Space:
    """A search space; two are equal if everything that can be drawn from them is, see ``canonical``.

    Attributes:
        parameters: every parameter once, a choice before what its options hold.
        root: the expression tree, see ``metaopt.spaces.nodes``.
    """

    parameters: tuple[Parameter, ...]
    root: Node

    @cached_property
    def by_label(self) -> dict[str, Parameter]:
        """Label → parameter."""
        return {parameter.label: parameter for parameter in self.parameters}

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of all parameters, in their order."""
        return tuple(self.by_label)

    def draw(self, rng: np.random.Generator) -> Vals:
        """A draw from the prior, distributed as hyperopt's."""
        units = rng.random(len(self.parameters)).tolist()  # all at once, as a call costs as much as a hundred numbers
        vals = Vals()
        seen: set[Choice] = set()
        open_sections = [iter(self._drawn(self.root))]
        while open_sections:  # as in _fill, but without a call for each label
            for label, number, quantile, choice, below in open_sections[-1]:
                if choice is None:
                    if label not in vals:
                        vals[label] = quantile(units[number])
                    continue
                value = vals.get(label)
                if value is None:
                    value = vals[label] = quantile(units[number])
                if choice not in seen:
                    seen.add(choice)
                    section = below[int(value)]
                    if section is None:
                        section = below[int(value)] = self._drawn(choice.options[int(value)])
                    if section:
                        open_sections.append(iter(section))
                        break
            else:
                open_sections.pop()
        return vals

    def complete(self, vals: Mapping[str, float], rng: np.random.Generator) -> Vals:
        """The active ones of the values, and draws from the prior for the active labels that have none.

        Raises:
            UserError: a choice that is active has a value that is no index of its options.
        """
        drawn = self._from_prior(rng)
        return self._fill(lambda label, number: vals[label] if label in vals else drawn(label, number))

    def encode(self, vals: Mapping[str, float]) -> tuple[np.ndarray, np.ndarray]:
        """A draw as numbers, for models and for measures of distance.

        Each parameter has a place in the unit interval by its prior's distribution function: a learning rate of a
        loguniform has its logarithm's, an option that of its index, a rounded value the middle of what is rounded to
        it. Draws from the prior are therefore uniform in the unit cube.

        Returns:
            Places (parameters,) in (0, 1), in the order of ``parameters``, 0.5 for those that are not active; and a
            mask (parameters,) that is True for the active ones.
        """
        mask = np.array([label in vals for label in self.labels], dtype=bool)
        places = [one.distribution.unit(vals[one.label]) if one.label in vals else 0.5 for one in self.parameters]
        return np.clip(np.array(places, dtype=float), *_INSIDE), mask

    def decode(self, places: np.ndarray) -> Vals:
        """The draw at a place of the unit cube, see ``encode``; numbers of labels that are not active do not matter.

        Args:
            places: (parameters,), in [0, 1].
        """
        units = np.clip(places, *_INSIDE).tolist()
        quantiles = self._quantiles
        return self._fill(lambda _, number: quantiles[number](units[number]))

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The blocks that repeat, see ``metaopt.spaces.groups``."""
        return find_groups(self.parameters)

    def active(self, vals: Mapping[str, float]) -> frozenset[str]:
        """The labels that a draw has, by the choices in it.

        Raises:
            UserError: a choice that is active has no value, or one that is no index of its options.
        """
        return frozenset(self._fill(lambda label, _: vals.get(label, _NO_VALUE)))

    def restrict(self, vals: Mapping[str, Any]) -> Vals:
        """The active ones of the values, as plain ints and floats.

        Raises:
            UserError: an active label has no value, or a choice one that is no index of its options.
        """
        active = self.active(vals)
        missing = active - vals.keys()
        if missing:
            raise self._missing(min(missing))
        return Vals(
            {one.label: one.distribution.plain(vals[one.label]) for one in self.parameters if one.label in active}
        )

    def point(self, vals: Mapping[str, float]) -> Any:
        """The point of a draw: what ``hyperopt.space_eval`` returns, with plain Python numbers.

        Raises:
            UserError: an active label has no value, or a choice one that is no index of its options.
        """
        try:
            return self._evaluate(vals)
        except KeyError as error:
            label = error.args[0]
            if label in self.by_label and label not in vals:
                raise self._missing(label) from None
            raise

    def vals(self, point: Any, *, defaults: Mapping[str, Any] | None = None) -> Vals:
        """The draw of a point, e.g. of a record that another program wrote.

        Args:
            point: what ``point`` returns, perhaps after a way through JSON (lists for tuples).
            defaults: key → value for keys of dicts that the point lacks; a nested key as its path with dots,
                e.g. ``"block.kernel"``, and items of a sequence by their numbers.

        Returns:
            The active labels with their values. Where several options of a choice can have produced a value, the first.

        Raises:
            UserError: a key is missing or unknown; a value cannot be drawn, fits no option, or went through an
                operation that has no inverse. The key is named.
        """
        found = decode(self.root, self.by_label, point, {} if defaults is None else defaults)
        return self.restrict(found)

    @cached_property
    def canonical(self) -> str:
        """A text that is equal for equal spaces, whatever the order in which keys were written, see
        ``metaopt.spaces.canonical``.
        """
        return canonical_text(self.root, self.by_label)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of ``canonical``, in hexadecimal."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()

    @cached_property
    def _quantiles(self) -> list[Callable[[float], float]]:
        return [parameter.distribution.quantile() for parameter in self.parameters]

    def _from_prior(self, rng: np.random.Generator) -> Callable[[str, int], float]:
        """A function from a label and the number of its parameter to a draw."""
        quantiles = self._quantiles
        units = rng.random(len(quantiles)).tolist()  # all at once: a call of numpy costs as much as a hundred numbers
        return lambda _, number: quantiles[number](units[number])

    @cached_property
    def _evaluate(self) -> Callable[[Mapping[str, float]], Any]:
        integers = {one.label for one in self.parameters if one.distribution.is_integer}
        return evaluator(self.root, integers)

    def _fill(self, value_of: Callable[[str, int], float]) -> Vals:
        """Asks for the value of every active label once, by label and number of the parameter, from left to right.

        A choice is asked for before what its options hold.
        """
        vals = Vals()
        seen: set[Choice] = set()
        open_sections = [iter(self._section(self.root))]
        while open_sections:
            for label, number, choice in open_sections[-1]:
                value = vals.get(label)
                if value is None:
                    value = vals[label] = value_of(label, number)
                if choice is not None and choice not in seen:
                    seen.add(choice)
                    if value is _NO_VALUE:
                        raise self._missing(label)
                    if below := self._section(choice.options[check_index(choice, value)]):
                        open_sections.append(iter(below))
                        break
            else:
                open_sections.pop()
        return vals

    def _section(self, node: Node) -> list[tuple[str, int, Choice | None]]:
        """What stands below a node outside of further choices: label, number of its parameter, the choice if it is one.

        From left to right; remembered, since a search asks for the same ones again and again.
        """
        found = self._sections.get(node)
        if found is None:
            found = self._sections[node] = []
            seen: set[Node] = set()
            stack = [node]
            while stack:
                below = stack.pop()
                if below in seen:
                    continue
                seen.add(below)
                if isinstance(below, Choice | Value):
                    choice = below if isinstance(below, Choice) else None
                    found.append((below.label, self._numbers[below.label], choice))
                else:
                    stack.extend(reversed(children(below)))
        return found

    @cached_property
    def _entries(self) -> dict[Node, list[_Entry]]:
        return {}

    def _drawn(self, node: Node) -> list[_Entry]:
        """``_section`` with all that a draw needs."""
        found = self._entries.get(node)
        if found is None:
            found = self._entries[node] = [
                (label, number, self._quantiles[number], choice, [None] * len(choice.options) if choice else [])
                for label, number, choice in self._section(node)
            ]
        return found

    @cached_property
    def _sections(self) -> dict[Node, list[tuple[str, int, Choice | None]]]:
        return {}

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {parameter.label: number for number, parameter in enumerate(self.parameters)}

    def _missing(self, label: str) -> UserError:
        return UserError(f"the values lack {label!r}, which is active under their choices")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Space) and self.canonical == other.canonical

    def __hash__(self) -> int:
        return hash(self.canonical)

    def __reduce__(self) -> tuple[type["Space"], tuple[tuple[Parameter, ...], Node]]:
        return Space, (self.parameters, self.root)  # what is cached holds closures, which cannot be pickled
