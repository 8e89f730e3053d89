"""Groups of labels that repeat: the blocks of a stack, found by their labels and by the choice of how many there are.

Labels that differ in one number only (``block_0_kernel``, ``block_1_kernel``, … or ``kernel_1``, ``kernel_2``, …) have
one *role*, ``block_{}_kernel``, at successive positions. Roles whose positions appear one after the other with the
options of one choice, the *depth*, are the blocks of one stack. Nothing has to be declared.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from metaopt.spaces.conditions import Conditions
from metaopt.spaces.parameters import Parameter

_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class Group:
    """Blocks that repeat.

    Attributes:
        depth: label of the choice that says how many blocks there are; None where all are always there.
        lengths: number of blocks for each option of the depth; a single number without depth.
        blocks: for each position role → label, e.g. ``{"block_{}_kernel": "block_0_kernel", …}``. A role that is
            active only sometimes, such as the size of a pooling that may be absent, is among them.
    """

    depth: str | None
    lengths: tuple[int, ...]
    blocks: tuple[Mapping[str, str], ...]

    @cached_property
    def labels(self) -> frozenset[str]:
        """Labels of all blocks, without the depth."""
        return frozenset(label for block in self.blocks for label in block.values())

    def active(self, vals: Mapping[str, float]) -> bool:
        """Whether a draw has the group at all, be it with no block."""
        return self.depth in vals if self.depth is not None else any(label in vals for label in self.blocks[0].values())

    def length(self, vals: Mapping[str, float]) -> int:
        """How many blocks a draw has; 0 where the group is not active."""
        if self.depth is not None:
            return self.lengths[int(vals[self.depth])] if self.depth in vals else 0
        return len(self.blocks) if self.active(vals) else 0

    def longer(self, length: int) -> int | None:
        """The next number of blocks above ``length``, or None."""
        return min((one for one in self.lengths if one > length), default=None)

    def shorter(self, length: int) -> int | None:
        """The next number of blocks below ``length``, or None."""
        return max((one for one in self.lengths if one < length), default=None)

    def nearest(self, length: int) -> int:
        """The possible number of blocks that is nearest to ``length``, the smaller of two."""
        return min(self.lengths, key=lambda one: (abs(one - length), one))

    def option(self, length: int) -> int:
        """The first option of the depth with so many blocks.

        Raises:
            ValueError: there is none.
        """
        return self.lengths.index(length)


@dataclass(frozen=True)
class _Row:
    """One role: its labels by position, and when each is there."""

    role: str
    labels: dict[int, str]
    depth: str | None
    options: dict[int, frozenset[int]]  # position → options of the depth under which it is active


def find_groups(parameters: Sequence[Parameter]) -> tuple[Group, ...]:
    """The groups of a space.

    A role's numbers must follow each other without a gap. With a depth, whoever is active at one position must be at
    those before; without one, all positions must have the same distribution and conditions. A label with several
    numbers (``stage_1_block_2``) may belong to a group of each.

    Args:
        parameters: of the space, a choice before what its options hold.

    Returns:
        Groups of two positions or more, by the order of their first labels.
    """
    by_label = {parameter.label: parameter for parameter in parameters}
    templates = _templates(by_label)
    rows = [row for role, labels in templates.items() if (row := _row(role, labels, templates, by_label)) is not None]
    return tuple(_group(together, by_label) for together in _gathered(rows))


def _templates(labels: Mapping[str, Parameter]) -> dict[str, dict[int, str]]:
    """Role → number → label, for labels that differ in one number and whose numbers have no gap."""
    found: dict[str, dict[int, str]] = {}
    for label in labels:
        for number in _NUMBER.finditer(label):
            role = f"{label[: number.start()]}{{}}{label[number.end() :]}"
            found.setdefault(role, {})[int(number[0])] = label
    return {
        role: dict(sorted(positions.items()))
        for role, positions in found.items()
        if len(positions) > 1 and max(positions) - min(positions) == len(positions) - 1
    }


def _row(
    role: str, labels: dict[int, str], templates: Mapping[str, dict[int, str]], by_label: Mapping[str, Parameter]
) -> _Row | None:
    """The role with its depth, or None where its positions do not repeat."""
    choices = {
        number: {c for every in by_label[label].conditions for c, _ in every} for number, label in labels.items()
    }
    # Choices of the block itself, e.g. whether it has a pooling, say nothing about how many blocks there are.
    own = [positions for positions in templates.values() if all(positions.get(n) in choices[n] for n in labels)]
    inner = {n: {positions[n] for positions in own} for n in labels}
    outer = set().union(*(choices[n] - inner[n] for n in labels))
    candidates = [label for label, one in by_label.items() if label in outer and one.upper is not None]
    best: _Row | None = None
    steps = 0
    for depth in candidates:
        options = {n: _options(by_label[label], by_label[depth]) for n, label in labels.items()}
        falling = [options[n + 1] <= options[n] for n in list(labels)[:-1]]
        distinct = len(set(options.values())) - 1
        if all(falling) and distinct > steps:
            best, steps = _Row(role, labels, depth, options), distinct
    if best is not None:
        return best
    first, *others = labels
    alike = all(
        by_label[labels[n]].distribution == by_label[labels[first]].distribution
        and _without(by_label[labels[n]], inner[n]) == _without(by_label[labels[first]], inner[first])
        for n in others
    )
    return _Row(role, labels, None, {}) if alike else None


def _without(parameter: Parameter, choices: Collection[str]) -> Conditions:
    """The conditions of a parameter but for some choices."""
    return frozenset(frozenset((c, index) for c, index in every if c not in choices) for every in parameter.conditions)


def _options(parameter: Parameter, choice: Parameter) -> frozenset[int]:
    """The options of a choice under which a parameter can be active."""
    everything = frozenset(range(choice.upper or 0))
    return frozenset().union(
        *({index for label, index in every if label == choice.label} or everything for every in parameter.conditions)
    )


def _gathered(rows: Sequence[_Row]) -> Iterator[list[_Row]]:
    """Rows that belong to one stack, together."""
    left = list(rows)
    while left:
        together = [left.pop(0)]
        for row in list(left):
            if _belongs(row, together):
                together.append(row)
                left.remove(row)
        yield together


def _belongs(row: _Row, together: Sequence[_Row]) -> bool:
    """Whether a role is one more of the same blocks."""
    first = together[0]
    if row.depth != first.depth:
        return False
    if row.depth is not None:
        known = {number: options for one in together for number, options in one.options.items()}
        return not known.keys().isdisjoint(row.options) and all(
            known.get(number, options) == options for number, options in row.options.items()
        )
    return row.labels.keys() == first.labels.keys() and _stem(row.role) == _stem(first.role)


def _stem(role: str) -> str:
    """What stands before the number where something stands behind it too: ``"block_"`` of ``"block_{}_kernel"``."""
    before, _, behind = role.partition("{}")
    return before if behind else ""


def _group(rows: Sequence[_Row], by_label: Mapping[str, Parameter]) -> Group:
    numbers = sorted({number for row in rows for number in row.labels})
    blocks = tuple({row.role: row.labels[number] for row in rows if number in row.labels} for number in numbers)
    depth = rows[0].depth
    if depth is None:
        return Group(None, (len(numbers),), blocks)
    options = {number: here for row in rows for number, here in row.options.items()}
    lengths = [sum(option in options[number] for number in numbers) for option in range(by_label[depth].upper or 0)]
    return Group(depth, tuple(lengths), blocks)
