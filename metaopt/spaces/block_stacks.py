"""Stacks of repeated blocks, detected from the labels of a space and from the choice of the number of blocks.

Labels that differ only in one number (``block_0_kernel``, ``block_1_kernel``, … or ``kernel_1``, ``kernel_2``, …) have
the same *role*, ``block_{}_kernel``, at consecutive positions. Roles whose positions become active one after another
with the options of one choice, the *depth*, form the blocks of one stack. No declaration is needed.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from metaopt.spaces.conditions import Conditions
from metaopt.spaces.parameters import Parameter

_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class BlockStack:
    """A stack of repeated blocks.

    Attributes:
        depth: label of the choice of the number of blocks; None if the number is constant.
        lengths: number of blocks for each option of the depth; a single number without depth.
        blocks: for each position, role → label, e.g. ``{"block_{}_kernel": "block_0_kernel", …}``. This includes
            conditional roles, such as the size of an optional pooling.
    """

    depth: str | None
    lengths: tuple[int, ...]
    blocks: tuple[Mapping[str, str], ...]

    @cached_property
    def labels(self) -> frozenset[str]:
        """Labels of all blocks, without the depth."""
        return frozenset(label for block in self.blocks for label in block.values())

    def active(self, vals: Mapping[str, float]) -> bool:
        """Return whether the stack is active in a draw, possibly with 0 blocks."""
        return self.depth in vals if self.depth is not None else any(label in vals for label in self.blocks[0].values())

    def length(self, vals: Mapping[str, float]) -> int:
        """Return the number of blocks in a draw; 0 if the stack is inactive."""
        if self.depth is not None:
            return self.lengths[int(vals[self.depth])] if self.depth in vals else 0
        return len(self.blocks) if self.active(vals) else 0

    def longer(self, length: int) -> int | None:
        """Return the next possible number of blocks above ``length``, or None."""
        return min((one for one in self.lengths if one > length), default=None)

    def shorter(self, length: int) -> int | None:
        """Return the next possible number of blocks below ``length``, or None."""
        return max((one for one in self.lengths if one < length), default=None)

    def nearest(self, length: int) -> int:
        """Return the possible number of blocks nearest to ``length``; of two, the smaller one."""
        return min(self.lengths, key=lambda one: (abs(one - length), one))

    def option(self, length: int) -> int:
        """Return the first option of the depth with ``length`` blocks.

        Raises:
            ValueError: no option has this number of blocks.
        """
        return self.lengths.index(length)


@dataclass(frozen=True)
class _Role:
    """A role with its labels and depth.

    Attributes:
        name: the label with ``{}`` in place of the number.
        labels: position → label.
        depth: label of the depth, or None.
        options: position → options of the depth for which the label is active; empty without depth.
    """

    name: str
    labels: dict[int, str]
    depth: str | None
    options: dict[int, frozenset[int]]


def find_block_stacks(parameters: Sequence[Parameter]) -> tuple[BlockStack, ...]:
    """Find the stacks of a space.

    The numbers of a role must be consecutive. With a depth, a label that is active at one position must also be active
    at all earlier positions. Without one, all positions must have the same distribution and conditions. A label with
    several numbers (``stage_1_block_2``) may belong to one stack for each number.

    Args:
        parameters: parameters of the space, each choice before the parameters of its options.

    Returns:
        Stacks with two positions or more, in the order of their first labels.
    """
    by_label = {parameter.label: parameter for parameter in parameters}
    candidates = _group_labels(by_label)
    found = (_make_role(name, labels, candidates, by_label) for name, labels in candidates.items())
    roles = [role for role in found if role is not None]
    return tuple(_make_stack(stack_roles, by_label) for stack_roles in _group_roles(roles))


def _group_labels(labels: Mapping[str, Parameter]) -> dict[str, dict[int, str]]:
    """Return role → number → label, for labels that differ in one number and whose numbers are consecutive."""
    found: dict[str, dict[int, str]] = {}
    for label in labels:
        for number in _NUMBER.finditer(label):
            name = f"{label[: number.start()]}{{}}{label[number.end() :]}"
            found.setdefault(name, {})[int(number[0])] = label
    return {
        name: dict(sorted(positions.items()))
        for name, positions in found.items()
        if len(positions) > 1 and max(positions) - min(positions) == len(positions) - 1
    }


def _make_role(
    name: str, labels: dict[int, str], candidates: Mapping[str, dict[int, str]], by_label: Mapping[str, Parameter]
) -> _Role | None:
    """Return a role with its depth, or None if its positions are not repetitions."""
    choices = {
        number: {c for every in by_label[label].conditions for c, _ in every} for number, label in labels.items()
    }
    # Choices inside the block, e.g. of an optional pooling, do not determine the number of blocks.
    own = [positions for positions in candidates.values() if all(positions.get(n) in choices[n] for n in labels)]
    inner = {n: {positions[n] for positions in own} for n in labels}
    outer = set().union(*(choices[n] - inner[n] for n in labels))
    depths = [label for label, one in by_label.items() if label in outer and one.n_options is not None]
    best: _Role | None = None
    most_distinct = 0
    for depth in depths:
        options = {n: _find_active_options(by_label[label], by_label[depth]) for n, label in labels.items()}
        is_nested = [options[n + 1] <= options[n] for n in list(labels)[:-1]]
        distinct = len(set(options.values())) - 1
        if all(is_nested) and distinct > most_distinct:
            best, most_distinct = _Role(name, labels, depth, options), distinct
    if best is not None:
        return best
    first, *others = labels
    are_equal = all(
        by_label[labels[n]].distribution == by_label[labels[first]].distribution
        and _remove_choices(by_label[labels[n]], inner[n]) == _remove_choices(by_label[labels[first]], inner[first])
        for n in others
    )
    return _Role(name, labels, None, {}) if are_equal else None


def _remove_choices(parameter: Parameter, choices: Collection[str]) -> Conditions:
    """Return the conditions of a parameter without some choices."""
    return frozenset(frozenset((c, index) for c, index in every if c not in choices) for every in parameter.conditions)


def _find_active_options(parameter: Parameter, choice: Parameter) -> frozenset[int]:
    """Return the options of a choice for which a parameter can be active."""
    everything = frozenset(range(choice.n_options or 0))
    return frozenset().union(
        *({index for label, index in every if label == choice.label} or everything for every in parameter.conditions)
    )


def _group_roles(roles: Sequence[_Role]) -> Iterator[list[_Role]]:
    """Yield the roles of each stack."""
    remaining = list(roles)
    while remaining:
        stack_roles = [remaining.pop(0)]
        for role in list(remaining):
            if _belongs_to_stack(role, stack_roles):
                stack_roles.append(role)
                remaining.remove(role)
        yield stack_roles


def _belongs_to_stack(role: _Role, stack_roles: Sequence[_Role]) -> bool:
    """Return whether a role belongs to the same blocks as the roles of a stack."""
    first = stack_roles[0]
    if role.depth != first.depth:
        return False
    if role.depth is not None:
        known = {number: options for one in stack_roles for number, options in one.options.items()}
        return not known.keys().isdisjoint(role.options) and all(
            known.get(number, options) == options for number, options in role.options.items()
        )
    return role.labels.keys() == first.labels.keys() and _get_prefix(role.name) == _get_prefix(first.name)


def _get_prefix(name: str) -> str:
    """Return the text before the number, e.g. ``"block_"`` of ``"block_{}_kernel"``; empty for a number at the end."""
    prefix, _, suffix = name.partition("{}")
    return prefix if suffix else ""


def _make_stack(roles: Sequence[_Role], by_label: Mapping[str, Parameter]) -> BlockStack:
    numbers = sorted({number for role in roles for number in role.labels})
    blocks = tuple({role.name: role.labels[number] for role in roles if number in role.labels} for number in numbers)
    depth = roles[0].depth
    if depth is None:
        return BlockStack(None, (len(numbers),), blocks)
    options = {number: here for role in roles for number, here in role.options.items()}
    n_options = by_label[depth].n_options or 0
    lengths = [sum(option in options[number] for number in numbers) for option in range(n_options)]
    return BlockStack(depth, tuple(lengths), blocks)
