"""Range of the good values of a parameter, as a distribution that is narrower than its prior."""

import math
from collections.abc import Sequence

from metaopt.spaces.distributions import Distribution

_LARGEST_SHARE = 0.8  # of the prior: a range that keeps more is not worth a change
_DIGITS = 3
# Rounded numbers: bounds so much of a step beyond the outer values make these as likely as the others.
_HALF_STEP = 0.499
# Unbounded distribution → the bounded one on the same scale.
_BOUNDED = {"normal": "uniform", "qnormal": "quniform", "lognormal": "loguniform", "qlognormal": "qloguniform"}


def narrow_range(distribution: Distribution, best: Sequence[float]) -> Distribution | None:
    """Return a distribution over the range of the best values, a little wider; None if it is hardly narrower.

    The ends are min − (max − min)/(k − 1) and max + (max − min)/(k − 1) for k values, on the scale of the prior: the
    unbiased estimates of the ends of a uniform distribution. Rounded numbers get at least
    one step at either end. Ends are rounded outwards to three digits and never leave the earlier range. An unbounded
    distribution becomes a uniform one.

    Args:
        distribution: the distribution of a number with an order.
        best: at least two values of it.
    """
    scaled = [distribution.to_prior_scale(value) for value in best]
    reach = (max(scaled) - min(scaled)) / (len(scaled) - 1)
    low, high = (_to_number(distribution, end) for end in (min(scaled) - reach, max(scaled) + reach))
    if distribution.step is None:
        low, high = _round_down(low), -_round_down(-high)
    else:
        low, high = _step_bounds(distribution.step, low, high, best)
    if distribution.is_logarithmic and low <= 0:  # the values that are rounded to 0 have no smallest logarithm
        low = _to_number(distribution, min(scaled))
    is_bounded = distribution.name not in _BOUNDED
    args = [_to_prior_scale(distribution, low), _to_prior_scale(distribution, high)]
    if is_bounded:  # an end that is kept is exactly the earlier one
        args = [max(args[0], distribution.args[0]), min(args[1], distribution.args[1])]
    narrowed = Distribution(_BOUNDED.get(distribution.name, distribution.name), (*args, *distribution.args[2:]))
    return narrowed if args[0] < args[1] and kept_share(distribution, narrowed) <= _LARGEST_SHARE else None


def kept_share(distribution: Distribution, narrowed: Distribution) -> float:
    """Return the probability of a narrowed range under the earlier distribution."""
    low, high = (_to_number(distribution, end) for end in narrowed.args[:2])
    return distribution.compute_cdf(high) - distribution.compute_cdf(low)


def _step_bounds(step: float, low: float, high: float, best: Sequence[float]) -> tuple[float, float]:
    """Return the bounds before rounding of a range of multiples of a step, with one multiple at least at either end."""
    smallest = min(math.floor(low / step) * step, min(best) - step)
    largest = max(math.ceil(high / step) * step, max(best) + step)
    return round(smallest - _HALF_STEP * step, 10), round(largest + _HALF_STEP * step, 10)


def _to_number(distribution: Distribution, scaled: float) -> float:
    """Return the number before rounding to the step at a place on the scale of the prior."""
    return math.exp(scaled) if distribution.is_logarithmic else scaled


def _to_prior_scale(distribution: Distribution, number: float) -> float:
    return math.log(number) if distribution.is_logarithmic else number


def _round_down(number: float) -> float:
    """Return a number rounded down to three significant digits."""
    if number == 0:
        return number
    exponent = math.floor(math.log10(abs(number))) - _DIGITS + 1
    return float(f"{math.floor(number / 10.0**exponent)}e{exponent}")
