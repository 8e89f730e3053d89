"""Networks of a table: every point of a finite space, or a random sample of valid ones."""

from collections.abc import Iterator, Sequence

from metaopt.errors import UserError
from metaopt.guard.guard import Guard
from metaopt.randomness import make_generator
from metaopt.spaces import Space, Vals
from metaopt.spaces.conditions import ALWAYS
from metaopt.spaces.parameters import Parameter

_MOST_DRAWS = 10_000  # per network; a space with fewer valid points than one in so many is a mistake
_LARGEST_GRID = 100_000


def sample_networks(space: Space, guard: Guard, count: int, seed: int, balance: str | None = None) -> list[Vals]:
    """Draw networks from the prior; invalid, oversized and duplicate ones are drawn again.

    The first networks of a longer sample are those of a shorter one, so a table can be enlarged.

    Args:
        space: the compiled space.
        guard: judges the networks.
        count: number of networks.
        seed: seed of the sample.
        balance: label of a choice of which each option is equally frequent in the sample, e.g. of the number of blocks,
            because large numbers are valid less often. By default options are as frequent as among valid draws.

    Raises:
        UserError: hardly any draw is valid, or ``balance`` is no unconditional choice.
    """
    options = 1 if balance is None else _count_options(space, balance)
    trained: set[str] = set()
    sample: list[Vals] = []
    for number in range(count):
        for attempt in range(_MOST_DRAWS):
            vals = space.draw(make_generator(seed, number, "network of a table", attempt))
            if balance is not None and vals[balance] != number % options:
                continue
            verdict = guard.judge(space.point(vals), trained, vals)
            if verdict.reason is None:
                trained.add(verdict.network["signature"])
                sample.append(vals)
                break
        else:
            raise UserError(
                f"Only {number} of {count} networks were found: the last {_MOST_DRAWS:,} draws are invalid, too large"
                " or duplicates. Relax the constraints or ask for fewer networks."
            )
    return sample


def _count_options(space: Space, label: str) -> int:
    """Return the number of options of a choice.

    Raises:
        UserError: the label is no choice that is always active.
    """
    parameter = space.by_label.get(label)
    if parameter is None or not parameter.distribution.is_unordered or parameter.conditions != ALWAYS:
        choices = [one.label for one in space.parameters if one.distribution.is_unordered and one.conditions == ALWAYS]
        raise UserError(
            f"Invalid label to balance the sample by: {label}. Expected an unconditional choice"
            f"{': ' if choices else ', but the space has none'}{', '.join(choices)}."
        )
    low, high = parameter.distribution.bounds
    return round(high - low) + 1


def grid_networks(space: Space, guard: Guard) -> list[Vals]:
    """Return every point of a finite space in the order of its parameters, without invalid and oversized networks.

    Raises:
        UserError: a parameter is continuous, or the grid is too large.
    """
    return [vals for vals in all_points(space) if guard.judge(space.point(vals), set(), vals).reason is None]


def all_points(space: Space) -> Iterator[Vals]:
    """Yield every point of a finite space.

    Raises:
        UserError: a parameter is continuous, or there are too many points.
    """
    for parameter in space.parameters:
        list_values(parameter)
    for number, vals in enumerate(_combinations(space.parameters, Vals())):
        if number == _LARGEST_GRID:
            raise UserError(f"The grid has more than {_LARGEST_GRID:,} points. Draw a sample instead.")
        yield vals


def list_values(parameter: Parameter) -> list[float]:
    """Return all values of a parameter, ascending.

    Raises:
        UserError: there are infinitely many.
    """
    distribution = parameter.distribution
    low, high = distribution.bounds
    step = distribution.step
    if step is None or high - low == float("inf"):
        raise UserError(
            f"{parameter.label} is {parameter.kind} and has no finite number of values, so there is no full grid. Draw"
            " a sample instead."
        )
    return [distribution.cast(low + number * step) for number in range(round((high - low) / step) + 1)]


def _combinations(parameters: Sequence[Parameter], vals: Vals) -> Iterator[Vals]:
    """Yield all completions of a partial draw; a choice comes before the parameters of its options."""
    if not parameters:
        yield Vals(vals)
        return
    first, rest = parameters[0], parameters[1:]
    if not any(all(vals.get(label) == index for label, index in each) for each in first.conditions):
        yield from _combinations(rest, vals)
        return
    for value in list_values(first):
        yield from _combinations(rest, Vals({**vals, first.label: value}))
