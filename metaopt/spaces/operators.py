"""How draws vary: a few parameters perturbed, two draws crossed.

Whatever an operator changes, its result is a draw of the space: labels that become active are drawn from the prior,
those that are active no more are dropped.
"""

import math
from collections.abc import Iterable, Mapping

import numpy as np

from metaopt.spaces.blocks import place, read
from metaopt.spaces.distributions import Distribution
from metaopt.spaces.parameters import Vals
from metaopt.spaces.space import Space

# A uniform distribution is so many times as wide as its standard deviation.
_WIDTH_OF_UNIFORM = math.sqrt(12)
# Options that are written down to draw one of them; ``randint`` may have 2³¹.
_MOST_LISTED = 10_000


def perturb(
    space: Space,
    vals: Mapping[str, float],
    labels: Iterable[str],
    rng: np.random.Generator,
    *,
    width: float,
    upwards: bool = False,
) -> Vals:
    """A draw in which some parameters have another value.

    A number takes a Gaussian step, of its logarithm where its prior is one of the logarithm, mirrored at the bounds;
    where it is rounded, to the next multiple at least. An option (also ``randint``, whose values have no order) becomes
    another one, as likely as under the prior.

    Args:
        space: of the draw.
        vals: the draw.
        labels: active ones, to be perturbed.
        rng: the only source of randomness.
        width: standard deviation of the step, relative to the range of the prior; of a normal prior to the range of the
            uniform one of the same standard deviation.
        upwards: numbers grow, or stay where they are at their bound.
    """
    changed = dict(vals)
    for label in labels:
        distribution = space.by_label[label].distribution
        changed[label] = _varied(distribution, vals[label], rng, width, upwards)
    return space.complete(changed, rng)


def cross(space: Space, first: Mapping[str, float], second: Mapping[str, float], rng: np.random.Generator) -> Vals:
    """A child of two draws: uniform crossover, in which each parameter comes from either parent.

    Blocks of a group come whole; the child has the mean of its parents' numbers of blocks, rounded up or down by
    chance, and beyond the shorter parent's blocks those of the longer one. Labels that only one parent has come along
    where the child's choices make them active.
    """
    from_first = rng.random(len(space.labels)) < 0.5
    child: dict[str, float] = {}
    for label, wanted in zip(space.labels, from_first.tolist(), strict=True):
        for parent in (first, second) if wanted else (second, first):
            if label in parent:
                child[label] = parent[label]
                break
    crossed: set[str] = set()
    for group in space.groups:
        if not (group.active(first) and group.active(second)):
            continue
        if not crossed.isdisjoint(group.labels):  # a group within a block that came whole
            continue
        crossed |= group.labels
        shorter, longer = sorted((read(group, first), read(group, second)), key=len)
        mean = group.nearest((len(shorter) + len(longer) + int(rng.integers(2))) // 2)
        blocks = [one if rng.random() < 0.5 else other for one, other in zip(shorter, longer, strict=False)]
        child = place(space, group, child, (blocks + longer[len(shorter) :])[:mean])
    return space.complete(child, rng)


def _varied(distribution: Distribution, value: float, rng: np.random.Generator, width: float, upwards: bool) -> float:
    """Another value; the same where there is no other."""
    if distribution.is_unordered:
        return _another(distribution, int(value), rng)
    low, high = distribution.span
    spread = high - low if math.isfinite(high) else _WIDTH_OF_UNIFORM * distribution.args[1]
    step = rng.normal() * width * spread
    start = distribution.place(value)
    target = min(start + abs(step), high) if upwards else _mirrored(start + step, low, high)
    varied = distribution.value(target)
    quantum = distribution.step
    if quantum is None or varied != value:
        return varied
    # Rounding undid the step: to the next multiple instead, on the other side where there is none on this.
    sides = (quantum,) if upwards else (math.copysign(quantum, step), -math.copysign(quantum, step))
    smallest, largest = distribution.bounds
    for side in sides:
        if smallest - quantum / 2 < value + side < largest + quantum / 2:
            return distribution.plain(round((value + side) / quantum) * quantum)
    return value


def _another(distribution: Distribution, value: int, rng: np.random.Generator) -> int:
    low, high = (int(bound) for bound in distribution.bounds)
    if high - low > _MOST_LISTED and distribution.name != "pchoice":
        other = int(rng.integers(low, high))
        return other + (other >= value)
    others = [one for one in range(low, high + 1) if one != value]
    weights = [distribution.args[one] for one in others] if distribution.name == "pchoice" else [1.0] * len(others)
    total = sum(weights)
    if total <= 0:
        return value
    return int(rng.choice(others, p=[weight / total for weight in weights]))


def _mirrored(place: float, low: float, high: float) -> float:
    """The place reflected at the bounds, as often as it takes, so that none gathers what lies beyond it."""
    if not math.isfinite(high):
        return place
    size = high - low
    folded = (place - low) % (2 * size)
    return low + (folded if folded <= size else 2 * size - folded)
