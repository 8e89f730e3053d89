"""Hyperband's brackets: how many trials each rung holds, and how much each of them is trained."""

import operator
from functools import lru_cache
from typing import Any, Literal, get_args

from metaopt.errors import UserError

Rule = Literal["ceil", "floor"]
Bracket = list[tuple[int, int]]


def brackets(R: int, eta: int, rule: Rule = "ceil", min_epochs: int = 1) -> list[Bracket]:
    """The brackets of Hyperband, the one that starts with the most trials first.

    There is one for each s from the largest with η^s · min_epochs ≤ R, called s_max, down to 0. It starts with n trials
    and has s + 1 rungs; rung i holds n_i = ⌊n · η^−i⌋ trials, trained to r_i = R // η^(s−i).

    - ``rule="ceil"``: n = ⌈(s_max + 1) / (s + 1) · η^s⌉ (Li et al. 2018, Hyperband, arXiv:1603.06560, algorithm 1)
    - ``rule="floor"``: n = ⌊(s_max + 1) / (s + 1)⌋ · η^s, the rounding of the authors' first code and its table for
      R = 81 (Jamieson, https://homes.cs.washington.edu/~jamieson/hyperband.html)

    As η^s ≤ n, no rung is empty; as η^s · min_epochs ≤ R, none is below ``min_epochs``, rounded as they are; and each
    r_i is at least η times the one before. Computed in integers: a floating log of 243 to the base 3 is below 5.

    Args:
        R: the resource of a fully trained trial, such as epochs.
        eta: η, the cut from one rung to the next.
        rule: how n is rounded.
        min_epochs: the least resource of the first rung.

    Returns:
        Of each bracket, (n_i, r_i) of its rungs.

    Raises:
        UserError: a number is not whole, η is below 2, ``min_epochs`` below 1 or above R, or the rule unknown.
    """
    resource = _whole("the full resource R (--epochs)", R)
    eta = _whole("the cut factor eta (--eta)", eta)
    least = _whole("the smallest rung (--min-epochs)", min_epochs)
    if rule not in get_args(Rule):
        raise UserError(f"the rule of Hyperband's brackets is {rule!r}; take {' or '.join(get_args(Rule))}.")
    if eta < 2:
        raise UserError(f"the cut factor eta (--eta) is {eta}, which cuts nothing off; take 2 or more.")
    if least < 1:
        raise UserError(f"the smallest rung (--min-epochs) is {least}; take 1 or more.")
    if resource < least:
        raise UserError(
            f"the full resource R (--epochs) is {resource}, less than the smallest rung (--min-epochs), {least}; raise"
            " R or lower the rung."
        )
    return [list(bracket) for bracket in _computed(resource, eta, rule, least)]


@lru_cache
def _computed(resource: int, eta: int, rule: Rule, least: int) -> tuple[tuple[tuple[int, int], ...], ...]:
    s_max = 0
    while eta ** (s_max + 1) * least <= resource:
        s_max += 1
    result = []
    for s in range(s_max, -1, -1):
        up = -(-(s_max + 1) * eta**s // (s + 1))
        n = up if rule == "ceil" else (s_max + 1) // (s + 1) * eta**s
        result.append(tuple((n // eta**i, resource // eta ** (s - i)) for i in range(s + 1)))
    return tuple(result)


def _whole(what: str, value: Any) -> int:
    """A whole number, also one of numpy's; a float is none, be it 81.0."""
    try:
        if isinstance(value, bool):
            raise TypeError
        return operator.index(value)
    except TypeError:
        raise UserError(f"{what} is {value!r}; take a whole number.") from None
