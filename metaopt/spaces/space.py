"""Compiled search space: parameters, draws from the prior, points, and encodings in the unit cube."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from metaopt.errors import UserError
from metaopt.spaces.block_stacks import BlockStack, find_block_stacks
from metaopt.spaces.evaluation import check_index, make_evaluator
from metaopt.spaces.nodes import Choice, Node, Value, get_children
from metaopt.spaces.parameters import Parameter, Vals
from metaopt.spaces.point_inversion import find_vals
from metaopt.spaces.space_digest import describe_constant_by_repr, describe_space

# Bounds inside the open unit interval; the quantiles of a normal distribution are infinite at 0 and 1.
_OPEN_UNIT_INTERVAL = (2.0**-53, 1 - 2.0**-53)
_NO_VALUE = float("nan")  # marks a label without a value

# Label, number of the parameter, quantile function, and for a choice its node and the entries of each option.
_DrawEntry = tuple[str, int, Callable[[float], float], Choice | None, list[Any]]


@dataclass(frozen=True, eq=False)
class Space:
    """A search space. Two spaces are equal if their descriptions are equal, see ``metaopt.spaces.space_digest``.

    Attributes:
        parameters: the parameters, each choice before the parameters of its options.
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
        """Labels of all parameters, in the order of ``parameters``."""
        return tuple(self.by_label)

    def draw(self, rng: np.random.Generator) -> Vals:
        """Draw from the prior, with the same distribution as hyperopt."""
        units = rng.random(len(self.parameters)).tolist()  # one call, because it costs as much as a hundred numbers
        vals = Vals()
        seen: set[Choice] = set()
        open_sections = [iter(self._draw_entries(self.root))]
        while open_sections:  # the traversal of _fill, without a function call for each label
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
                        section = below[int(value)] = self._draw_entries(choice.options[int(value)])
                    if section:
                        open_sections.append(iter(section))
                        break
            else:
                open_sections.pop()
        return vals

    def complete(self, vals: Mapping[str, float], rng: np.random.Generator) -> Vals:
        """Keep the values of active labels, and draw values from the prior for active labels that have none.

        Raises:
            UserError: the value of an active choice is not an index of its options.
        """
        draw_value = self._make_prior_draw(rng)
        return self._fill(lambda label, number: vals[label] if label in vals else draw_value(label, number))

    def encode(self, vals: Mapping[str, float]) -> tuple[np.ndarray, np.ndarray]:
        """Encode a draw in the unit cube, for models and distance measures.

        The unit value of a parameter is the distribution function of its prior at its value: that of the logarithm for
        a loguniform, of the index for a choice, and the middle of the rounding interval for a rounded value. Draws from
        the prior are therefore uniform in the unit cube.

        Returns:
            Unit values (parameters,) in (0, 1), in the order of ``parameters``, 0.5 for inactive parameters; and a mask
            (parameters,), True for active parameters.
        """
        mask = np.array([label in vals for label in self.labels], dtype=bool)
        get = vals.get
        units = [
            0.5 if (value := get(label)) is None else to_unit(value)
            for label, to_unit in zip(self.labels, self._unit_functions, strict=True)
        ]
        return np.clip(np.array(units, dtype=float), *_OPEN_UNIT_INTERVAL), mask

    def decode(self, units: np.ndarray) -> Vals:
        """Return the draw at a point of the unit cube, see ``encode``. Unit values of inactive labels do not count.

        Args:
            units: unit values (parameters,) in [0, 1].
        """
        values = np.clip(units, *_OPEN_UNIT_INTERVAL).tolist()
        quantiles = self._quantiles
        return self._fill(lambda _, number: quantiles[number](values[number]))

    @cached_property
    def block_stacks(self) -> tuple[BlockStack, ...]:
        """Stacks of repeated blocks, see ``metaopt.spaces.block_stacks``."""
        return find_block_stacks(self.parameters)

    @property
    def groups(self) -> tuple[BlockStack, ...]:
        """Earlier name of ``block_stacks``, kept for existing code."""
        return self.block_stacks

    def active(self, vals: Mapping[str, float]) -> frozenset[str]:
        """Return the active labels, given the values of the choices.

        Raises:
            UserError: an active choice has no value, or a value that is not an index of its options.
        """
        return frozenset(self._fill(lambda label, _: vals.get(label, _NO_VALUE)))

    def restrict(self, vals: Mapping[str, Any]) -> Vals:
        """Keep the values of active labels, as plain ints and floats.

        Raises:
            UserError: an active label has no value, or the value of a choice is not an index of its options.
        """
        active = self.active(vals)
        missing = active - vals.keys()
        if missing:
            raise self._make_missing_error(min(missing))
        return Vals(
            {one.label: one.distribution.cast(vals[one.label]) for one in self.parameters if one.label in active}
        )

    def point(self, vals: Mapping[str, float]) -> Any:
        """Return the point of a draw: the result of ``hyperopt.space_eval``, with plain Python numbers.

        Raises:
            UserError: an active label has no value, or the value of a choice is not an index of its options.
        """
        try:
            return self._evaluate(vals)
        except KeyError as error:
            label = error.args[0]
            if label in self.by_label and label not in vals:
                raise self._make_missing_error(label) from None
            raise

    def vals(self, point: Any, *, defaults: Mapping[str, Any] | None = None) -> Vals:
        """Find the draw that produces a point, e.g. a point in a record of another program.

        Args:
            point: a result of ``point``, possibly read from JSON (with lists instead of tuples).
            defaults: path → value for keys that the point lacks. The path of a nested key has dots, e.g.
                ``"block.kernel"``; items of a sequence are numbered.

        Returns:
            The values of the active labels. If several options of a choice can produce a value, the first one is used.

        Raises:
            UserError: a key is missing or unknown, or a value is out of range, matches no option, or is the result of
                an operation without an inverse. The message names the key.
        """
        return self.restrict(find_vals(self.root, self.by_label, point, {} if defaults is None else defaults))

    @cached_property
    def description(self) -> str:
        """Text that is equal for equal spaces, see ``metaopt.spaces.space_digest``."""
        return describe_space(self.root, self.by_label)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of ``description``, in hexadecimal."""
        return hashlib.sha256(self.description.encode("utf-8", "backslashreplace")).hexdigest()

    @cached_property
    def earlier_digest(self) -> str:
        """The digest by which earlier versions knew the space; equal to ``digest`` unless it has unusual options."""
        text = describe_space(self.root, self.by_label, describe_constant_by_repr)
        return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()

    @cached_property
    def _quantiles(self) -> list[Callable[[float], float]]:
        return [parameter.distribution.make_quantile_function() for parameter in self.parameters]

    @cached_property
    def _unit_functions(self) -> list[Callable[[float], float]]:
        return [parameter.distribution.make_unit_function() for parameter in self.parameters]

    def _make_prior_draw(self, rng: np.random.Generator) -> Callable[[str, int], float]:
        """Return a function from a label and the number of its parameter to a value drawn from the prior."""
        quantiles = self._quantiles
        units = rng.random(len(quantiles)).tolist()  # one call, because it costs as much as a hundred numbers
        return lambda _, number: quantiles[number](units[number])

    @cached_property
    def _evaluate(self) -> Callable[[Mapping[str, float]], Any]:
        integers = {one.label for one in self.parameters if one.distribution.is_integer}
        return make_evaluator(self.root, integers)

    def _fill(self, value_of: Callable[[str, int], float]) -> Vals:
        """Collect the values of all active labels, from left to right, each choice before the labels of its options.

        Args:
            value_of: function from a label and the number of its parameter to a value; called once for each label.
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
                        raise self._make_missing_error(label)
                    if below := self._section(choice.options[check_index(choice, value)]):
                        open_sections.append(iter(below))
                        break
            else:
                open_sections.pop()
        return vals

    def _section(self, node: Node) -> list[tuple[str, int, Choice | None]]:
        """List the parameters below a node that no further choice encloses, from left to right.

        The result is cached, because a search needs the same sections many times.

        Returns:
            Label, number of the parameter, and the choice node if it is one.
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
                    stack.extend(reversed(get_children(below)))
        return found

    @cached_property
    def _draw_entries_cache(self) -> dict[Node, list[_DrawEntry]]:
        return {}

    def _draw_entries(self, node: Node) -> list[_DrawEntry]:
        """Return ``_section`` with the quantile functions and caches that ``draw`` needs."""
        found = self._draw_entries_cache.get(node)
        if found is None:
            found = self._draw_entries_cache[node] = [
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

    def _make_missing_error(self, label: str) -> UserError:
        return UserError(f"Missing value for hyperparameter {label!r}, which is active for the given choices.")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Space) and self.description == other.description

    def __hash__(self) -> int:
        return hash(self.description)

    def __reduce__(self) -> tuple[type["Space"], tuple[tuple[Parameter, ...], Node]]:
        return Space, (self.parameters, self.root)  # the cached properties contain closures, which cannot be pickled
