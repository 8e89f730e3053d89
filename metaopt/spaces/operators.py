"""Variation operators of evolution: perturbation of a draw, and crossover of two draws.

The result of an operator is always a valid draw of the space: labels that become active are drawn from the prior, and
labels that become inactive are removed.
"""

import math
from collections.abc import Iterable, Mapping

import numpy as np

from metaopt.spaces.block_operators import read_blocks, write_blocks
from metaopt.spaces.distributions import Distribution
from metaopt.spaces.parameters import Vals
from metaopt.spaces.space import Space

# Ratio of the range of a uniform distribution to its standard deviation.
_UNIFORM_RANGE_PER_DEVIATION = math.sqrt(12)
# Maximum number of options that are listed in order to draw one; ``randint`` may have 2³¹.
_MAX_LISTED = 10_000


def perturb(
    space: Space,
    vals: Mapping[str, float],
    labels: Iterable[str],
    rng: np.random.Generator,
    *,
    width: float,
    upwards: bool = False,
) -> Vals:
    """Change the values of some parameters of a draw.

    A number takes a Gaussian step, on a logarithmic scale if the prior is logarithmic. The step is reflected at the
    bounds. A rounded number moves by at least one multiple of the step of its prior. An option is replaced by another
    one, with probabilities proportional to the prior. Values of ``randint`` are unordered and count as options.

    Args:
        space: the space of the draw.
        vals: the draw.
        labels: active labels to perturb.
        rng: the only source of randomness.
        width: standard deviation of the step, relative to the range of the prior. For a normal prior, the range is
            that of a uniform distribution with the same standard deviation.
        upwards: whether numbers may only increase; a number at its upper bound keeps its value.
    """
    changed = dict(vals)
    for label in labels:
        distribution = space.by_label[label].distribution
        changed[label] = _perturb_value(distribution, vals[label], rng, width, upwards)
    return space.complete(changed, rng)


def cross(space: Space, first: Mapping[str, float], second: Mapping[str, float], rng: np.random.Generator) -> Vals:
    """Uniform crossover: each parameter of the child comes from either parent.

    Blocks of a stack are inherited as a whole. The number of blocks is the mean of both parents, rounded up or down at
    random; positions beyond the shorter parent have the blocks of the longer one. Labels that only one parent has are
    inherited if the choices of the child make them active.
    """
    from_first = rng.random(len(space.labels)) < 0.5
    child: dict[str, float] = {}
    for label, prefer_first in zip(space.labels, from_first.tolist(), strict=True):
        for parent in (first, second) if prefer_first else (second, first):
            if label in parent:
                child[label] = parent[label]
                break
    crossed: set[str] = set()
    for stack in space.block_stacks:
        if not (stack.active(first) and stack.active(second)):
            continue
        if not crossed.isdisjoint(stack.labels):  # a stack inside a block that was inherited as a whole
            continue
        crossed |= stack.labels
        shorter, longer = sorted((read_blocks(stack, first), read_blocks(stack, second)), key=len)
        length = stack.nearest((len(shorter) + len(longer) + int(rng.integers(2))) // 2)
        blocks = [one if rng.random() < 0.5 else other for one, other in zip(shorter, longer, strict=False)]
        child = write_blocks(space, stack, child, (blocks + longer[len(shorter) :])[:length])
    return space.complete(child, rng)


def _perturb_value(
    distribution: Distribution, value: float, rng: np.random.Generator, width: float, upwards: bool
) -> float:
    """Return another value, or the same if there is no other."""
    if distribution.is_unordered:
        return _draw_other_option(distribution, int(value), rng)
    low, high = distribution.prior_scale_bounds
    prior_range = high - low if math.isfinite(high) else _UNIFORM_RANGE_PER_DEVIATION * distribution.args[1]
    step = rng.normal() * width * prior_range
    start = distribution.to_prior_scale(value)
    target = min(start + abs(step), high) if upwards else _reflect(start + step, low, high)
    perturbed = distribution.from_prior_scale(target)
    quantum = distribution.step
    if quantum is None or perturbed != value:
        return perturbed
    # Rounding has undone the step. Move to the next multiple, in the other direction if there is none in this one.
    sides = (quantum,) if upwards else (math.copysign(quantum, step), -math.copysign(quantum, step))
    smallest, largest = distribution.bounds
    for side in sides:
        if smallest - quantum / 2 < value + side < largest + quantum / 2:
            return distribution.cast(round((value + side) / quantum) * quantum)
    return value


def _draw_other_option(distribution: Distribution, value: int, rng: np.random.Generator) -> int:
    """Draw an option different from ``value``, with probabilities proportional to the prior."""
    low, high = (int(bound) for bound in distribution.bounds)
    if high - low > _MAX_LISTED and distribution.name != "pchoice":
        is_int64 = low >= -(2**63) and high < 2**63
        other = int(rng.integers(low, high)) if is_int64 else low + int(rng.random() * (high - low))
        return other + (other >= value)
    others = [one for one in range(low, high + 1) if one != value]
    weights = [distribution.args[one] for one in others] if distribution.name == "pchoice" else [1.0] * len(others)
    total = sum(weights)
    if total <= 0:
        return value
    return int(rng.choice(others, p=[weight / total for weight in weights]))


def _reflect(number: float, low: float, high: float) -> float:
    """Reflect a number at the bounds until it is inside; unlike clipping, this does not accumulate at the bounds."""
    if not math.isfinite(high):
        return number
    size = high - low
    folded = (number - low) % (2 * size)
    return low + (folded if folded <= size else 2 * size - folded)
