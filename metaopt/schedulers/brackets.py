"""Hyperband's brackets: number of trials and resource of each rung."""

import operator
from functools import lru_cache
from typing import Any, Literal, get_args

from metaopt.errors import UserError, invalid_value

Rule = Literal["ceil", "floor"]
Bracket = list[tuple[int, int]]


def brackets(R: int, eta: int, rule: Rule = "ceil", min_epochs: int = 1) -> list[Bracket]:
    """Return the brackets of Hyperband, the one with the most trials first.

    There is one for each s from the largest with η^s · min_epochs ≤ R, called s_max, down to 0. It starts with n trials
    and has s + 1 rungs; rung i holds n_i = ⌊n · η^−i⌋ trials, trained to r_i = R // η^(s−i).

    - ``rule="ceil"``: n = ⌈(s_max + 1) / (s + 1) · η^s⌉ (Li et al. 2018, Hyperband, arXiv:1603.06560, algorithm 1)
    - ``rule="floor"``: n = ⌊(s_max + 1) / (s + 1)⌋ · η^s, the rounding of the authors' first code and its table for
      R = 81 (Jamieson, https://homes.cs.washington.edu/~jamieson/hyperband.html)

    As η^s ≤ n, no rung is empty; as η^s · min_epochs ≤ R, none is below ``min_epochs``, rounded as they are; and each
    r_i is at least η times the one before. Computed in integers: a floating log of 243 to the base 3 is below 5.

    Args:
        R: the resource of a fully trained trial, such as epochs.
        eta: η, the reduction factor from one rung to the next.
        rule: rounding rule of n.
        min_epochs: the minimum resource of the first rung.

    Returns:
        (n_i, r_i) of the rungs of each bracket.

    Raises:
        UserError: A number is not an integer, η is below 2, ``min_epochs`` below 1 or above R, or the rule unknown.
    """
    resource = _integer("epochs", R, 1)
    eta = _integer("eta", eta, 2)
    minimum = _integer("min_epochs", min_epochs, 1)
    if rule not in get_args(Rule):
        raise invalid_value("rule", rule, f"Expected {' or '.join(get_args(Rule))}.")
    if resource < minimum:
        raise UserError(
            f"The first rung, min_epochs {minimum}, is above the full resource, epochs {resource}: lower the first or"
            " raise the second.",
            "min_epochs",
            "epochs",
        )
    return [list(bracket) for bracket in _computed(resource, eta, rule, minimum)]


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


def _integer(parameter: str, value: Any, minimum: int) -> int:
    """Return an integer, also of one of numpy's types; a float such as 81.0 is refused."""
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise invalid_value(parameter, repr(value), f"Expected an integer >= {minimum}.") from None
    if number < minimum:
        raise invalid_value(parameter, number, f"Expected an integer >= {minimum}.")
    return number
