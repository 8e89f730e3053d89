"""Fitness of a member of a population, from its validation losses in one cycle; the largest is the fittest."""

import math
from collections.abc import Callable, Sequence

from metaopt.errors import UserError, hint
from metaopt.values.safe_text import class_name

Fitness = Callable[[Sequence[float]], float]
"""A function of the validation loss after each epoch of a cycle, the first epoch first."""


def fall_and_last(losses: Sequence[float]) -> float:
    """Return (first − last) − last: the fall of the loss within the cycle, and its last value."""
    return (losses[0] - losses[-1]) - losses[-1]


def last(losses: Sequence[float]) -> float:
    """Return the negative loss of the last epoch."""
    return -losses[-1]


def lowest(losses: Sequence[float]) -> float:
    """Return the negative of the lowest loss."""
    return -min(losses)


FITNESS: dict[str, Fitness] = {"fall and last": fall_and_last, "last": last, "lowest": lowest}
DEFAULT_FITNESS = "fall and last"


def find_fitness(fitness: str | Fitness) -> Fitness:
    """Return the fitness of a name; a function is returned as it is.

    Raises:
        UserError: The name is unknown, or it is no function.
    """
    if isinstance(fitness, str):
        if fitness not in FITNESS:
            raise UserError(f"Unknown fitness: {fitness}. {hint(fitness, FITNESS)}", "fitness")
        return FITNESS[fitness]
    if not callable(fitness):
        raise UserError(
            f"Invalid value for fitness: {class_name(fitness)}. Expected one of {', '.join(FITNESS)}, or a function of"
            " the validation losses of a cycle.",
            "fitness",
        )
    return fitness


def evaluate(fitness: Fitness, losses: Sequence[float]) -> float | None:
    """Return the fitness of a member; None where it is no finite number.

    Raises:
        UserError: The function returned something else than a number.
    """
    if not losses:
        return None
    value = fitness(losses)
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise UserError(
            f"fitness returned {class_name(value)}. Expected a number; the largest is the fittest.", "fitness"
        ) from None
    return number if math.isfinite(number) else None
