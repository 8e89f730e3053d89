"""A compiled search space: its parameters, draws from the prior, and the point that a draw stands for."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from metaopt.errors import UserError
from metaopt.spaces.canonical import canonical_text
from metaopt.spaces.decoding import decode
from metaopt.spaces.evaluating import check_index, evaluator
from metaopt.spaces.nodes import Choice, Node, Value, children
from metaopt.spaces.parameters import Parameter, Vals


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
        samplers = self._samplers
        vals = Vals()
        for label in self._visit(vals):
            if label not in vals:
                vals[label] = samplers[label](rng)
        return vals

    def active(self, vals: Mapping[str, float]) -> frozenset[str]:
        """The labels that a draw has, by the choices in it.

        Raises:
            UserError: a choice that is active has no value, or one that is no index of its options.
        """
        return frozenset(self._visit(vals))

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
    def _samplers(self) -> dict[str, Callable[[np.random.Generator], float]]:
        return {parameter.label: parameter.distribution.sampler() for parameter in self.parameters}

    @cached_property
    def _evaluate(self) -> Callable[[Mapping[str, float]], Any]:
        integers = {one.label for one in self.parameters if one.distribution.is_integer}
        return evaluator(self.root, integers)

    def _visit(self, vals: Mapping[str, float]) -> Iterator[str]:
        """The labels that are active, from left to right; one that stands at several places more than once.

        A choice's value is read after its label was handed out: the caller may put it into ``vals`` then.
        """
        seen: set[int] = set()
        stack = [self.root]
        while stack:
            node = stack.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            if isinstance(node, Choice | Value):
                yield node.label
            if not isinstance(node, Choice):
                stack.extend(reversed(children(node)))
            elif node.label in vals:
                stack.append(node.options[check_index(node, vals[node.label])])
            else:
                raise self._missing(node.label)

    def _missing(self, label: str) -> UserError:
        return UserError(f"the values lack {label!r}, which is active under their choices")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Space) and self.canonical == other.canonical

    def __hash__(self) -> int:
        return hash(self.canonical)

    def __reduce__(self) -> tuple[type["Space"], tuple[tuple[Parameter, ...], Node]]:
        return Space, (self.parameters, self.root)  # what is cached holds closures, which cannot be pickled
