"""Prior of one parameter: all ``hp.*`` distributions, with the same draws and bounds as in hyperopt.

A draw is the quantile of a uniform number, so every value has a unit value in [0, 1].

The formulas are those of ``hyperopt/pyll/stochastic.py``: a loguniform is exp(uniform(low, high)), a lognormal is
exp(normal(mu, sigma)), and a distribution whose name begins with q rounds x to round(x / q)·q (half to even).
"""

import math
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from statistics import NormalDist

import numpy as np

from metaopt.errors import UserError

# Numeric distributions: name → names of the arguments, in the order of hyperopt.
CONTINUOUS: dict[str, tuple[str, ...]] = {
    "uniform": ("low", "high"),
    "quniform": ("low", "high", "q"),
    "loguniform": ("low", "high"),
    "qloguniform": ("low", "high", "q"),
    "normal": ("mu", "sigma"),
    "qnormal": ("mu", "sigma", "q"),
    "lognormal": ("mu", "sigma"),
    "qlognormal": ("mu", "sigma", "q"),
}
CHOICES = ("choice", "pchoice")
INTEGERS = (*CHOICES, "randint", "uniformint")

_SMALLEST_RANGE = 1e-300  # samplers divide it, and below about 1e-308 numbers lose their digits
# exp of a larger number is infinite in double precision.
_LARGEST_LOGARITHM = math.log(np.finfo(float).max)
# Relative tolerance for values near a bound or a multiple of q, for rounding errors of text and arithmetic.
_TOLERANCE = 1e-9
_MOST_STORED_VALUES = 1024  # of a discrete distribution


@dataclass(frozen=True)
class Distribution:
    """Prior distribution of a parameter.

    Attributes:
        name: name in ``hp``, e.g. ``"qloguniform"``.
        args: the arguments in ``CONTINUOUS[name]``; the number of options for ``choice``; one probability per option
            for ``pchoice``; (low, high), excluding high, for ``randint``; (low, high), including high, for
            ``uniformint``.
    """

    name: str
    args: tuple[float, ...]

    @property
    def is_unordered(self) -> bool:
        """Whether the values have no order: options, or the numbers of ``randint``."""
        return self.is_choice or self.name == "randint"

    @property
    def is_choice(self) -> bool:
        """Whether the value is the index of an option."""
        return self.name in CHOICES

    @property
    def is_integer(self) -> bool:
        """Whether the values are ints; otherwise they are floats."""
        return self.name in INTEGERS

    @property
    def is_logarithmic(self) -> bool:
        """Whether the arguments describe the distribution of the logarithm of the value."""
        return "log" in self.name

    @property
    def n_options(self) -> int | None:
        """Number of options of a choice; None for other distributions."""
        if self.name == "choice":
            return int(self.args[0])
        return len(self.args) if self.name == "pchoice" else None

    @property
    def step(self) -> float | None:
        """Distance of consecutive values, which are its multiples; None for continuous values."""
        if self.is_integer:
            return 1
        return self.args[2] if self.name.startswith("q") else None

    @property
    def bounds(self) -> tuple[float, float]:
        """Smallest and largest possible value; infinite if there is no bound."""
        if self.n_options is not None:
            return 0, self.n_options - 1
        if self.name == "randint":
            return self.args[0], self.args[1] - 1
        if self.name.endswith("normal"):
            low, high = (0.0 if self.is_logarithmic else -math.inf), math.inf
        else:
            low, high = self.args[:2]
            if self.is_logarithmic:
                low, high = math.exp(low), math.exp(high)
        if self.step is None:
            return low, high
        return _round_to_step(low, self.step), _round_to_step(high, self.step)

    def check(self, label: str) -> None:
        """Check the arguments.

        Args:
            label: label of the parameter, for the error message.

        Raises:
            UserError: an argument is not finite, the bounds are in the wrong order, sigma or q is not positive, exp of
                an argument is infinite, there are no options, or the probabilities are negative or do not sum to 1.
        """
        problem = self._find_problem()
        if problem is not None:
            text = ", ".join(f"{arg:g}" if _is_finite(arg) else "inf" for arg in self.args)
            raise UserError(f"Invalid hyperparameter {label!r}, {self.name}({text}): {problem}.")

    def _find_problem(self) -> str | None:
        """Return why the arguments are invalid, or None if they are valid."""
        if not all(map(_is_finite, self.args)):
            return "the arguments must be finite numbers"
        if self.n_options is not None:
            return self._find_problem_of_options()
        if self.name == "randint" and not all(arg == int(arg) for arg in self.args):
            return "the bounds must be integers"
        first, second = self.args[:2]
        if self.name.endswith("normal"):
            if second <= 0:
                return "sigma must be > 0"
        elif first >= second:
            return "low must be < high; for a single value, write a constant"
        elif not _SMALLEST_RANGE <= second - first < math.inf:
            return f"high - low must be at least {_SMALLEST_RANGE:g} and finite"
        if self.step is not None and self.step <= 0:
            return "q must be > 0"
        if self.is_logarithmic and max(first, second) > _LARGEST_LOGARITHM:
            return "the arguments are logarithms, and exp of them is infinite; write log(high) for high"
        return None

    def _find_problem_of_options(self) -> str | None:
        if not self.n_options:
            return "there must be at least one option"
        if self.name == "pchoice" and (min(self.args) < 0 or abs(sum(self.args) - 1) > 1e-6):
            return "the probabilities must be >= 0 and sum to 1"
        return None

    def make_quantile_function(self) -> Callable[[float], float]:
        """Return the inverse of the distribution function. Create it once, because it is called on the hot path.

        Returns:
            A function from a number in (0, 1), uniform for a draw from the prior, to a plain int or float.
        """
        if self.name == "choice":
            n_options = int(self.args[0])
            return lambda unit: int(unit * n_options)
        if self.name == "pchoice":
            thresholds = list(accumulate(self.args))[:-1]
            return lambda unit: bisect_right(thresholds, unit)
        if self.name == "randint":
            first, end = int(self.args[0]), int(self.args[1])
            return lambda unit: first + int(unit * (end - first))
        a, b = self.args[:2]
        if self.name == "uniformint":
            return lambda unit: round(min(a + unit * (b - a), b))
        return self._make_continuous_quantile_function()

    def _make_continuous_quantile_function(self) -> Callable[[float], float]:
        a, b = self.args[:2]
        step = self.step
        if self.name.endswith("normal"):
            inverse, from_prior_scale = NormalDist(a, b).inv_cdf, self.from_prior_scale
            return lambda unit: from_prior_scale(inverse(unit))
        exp = math.exp
        # a + (b - a) may round to more than b, hence min.
        if self.is_logarithmic:
            if step is None:
                return lambda unit: exp(min(a + unit * (b - a), b))
            return lambda unit: _round_to_step(exp(min(a + unit * (b - a), b)), step)
        if step is None:
            return lambda unit: min(a + unit * (b - a), float(b))
        return lambda unit: _round_to_step(min(a + unit * (b - a), b), step)

    def to_unit(self, value: float) -> float:
        """Return the unit value of a value, the inverse of the quantile function.

        A value of a discrete distribution has an interval as long as its probability; the unit value is its middle.
        """
        if self.name == "pchoice":
            below = sum(self.args[: int(value)])
            return below + self.args[int(value)] / 2
        if self.name in ("choice", "randint"):
            low, high = self.bounds
            return (value - low + 0.5) / (high - low + 1)
        if self.step is None:
            return self.compute_cdf(value)
        return (self.compute_cdf(value - self.step / 2) + self.compute_cdf(value + self.step / 2)) / 2

    def make_unit_function(self) -> Callable[[float], float]:
        """Return ``to_unit`` for the hot path; it stores the unit values of discrete distributions."""
        if self.step is None and not self.is_unordered:
            return self.to_unit
        return lru_cache(maxsize=_MOST_STORED_VALUES)(self.to_unit)

    def compute_cdf(self, value: float) -> float:
        """Return the distribution function before rounding to the step."""
        if self.is_logarithmic and value <= 0:
            return 0.0
        scaled = math.log(value) if self.is_logarithmic else value
        a, b = self.args[:2]
        if self.name.endswith("normal"):
            return NormalDist(a, b).cdf(scaled)
        return min(max((scaled - a) / (b - a), 0.0), 1.0)

    @property
    def prior_scale_bounds(self) -> tuple[float, float]:
        """Bounds on the prior scale, on which the prior is uniform or normal: the logarithm if ``is_logarithmic``."""
        return (-math.inf, math.inf) if self.name.endswith("normal") else (self.args[0], self.args[1])

    def to_prior_scale(self, value: float) -> float:
        """Convert a value to the prior scale. For a value rounded to 0, use a logarithm that is rounded to it."""
        if not self.is_logarithmic:
            return value
        return math.log(value if value > 0 else (self.step or 1.0) / 4)

    def from_prior_scale(self, scaled: float) -> float:
        """Convert a number on the prior scale to a value: round it to the step and clip it to the bounds."""
        number = scaled
        if self.is_logarithmic:
            number = math.exp(max(-_LARGEST_LOGARITHM, min(scaled, _LARGEST_LOGARITHM)))
        if self.step is not None:
            number = _round_to_step(number, self.step)
        low, high = self.bounds
        return self.cast(min(max(number, low), high))

    def cast(self, value: float) -> float:
        """Convert a value of any numeric type to a plain int or float."""
        return int(value) if self.is_integer else float(value)

    def match(self, value: object) -> float | None:
        """Return the value of this distribution that equals ``value`` up to rounding errors.

        Returns:
            ``value``, moved to the nearest bound or multiple of the step if it differs by a rounding error; None if it
            is not a number or cannot be drawn.
        """
        if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
            return None
        number = float(value)
        if not math.isfinite(number):
            return None
        low, high = self.bounds
        slack = _TOLERANCE * (abs(number) + (high - low if math.isfinite(high - low) else 0))
        if self.step is not None:
            nearest = _round_to_step(number, self.step)
            if abs(nearest - number) > max(slack, _TOLERANCE * self.step):
                return None
            number = nearest
        if not low - slack <= number <= high + slack or (self.name == "lognormal" and number <= 0):
            return None
        return self.cast(min(max(number, low), high))


def _is_finite(number: float) -> bool:
    """Return whether a number is finite as a float; an integer may be beyond its range."""
    try:
        return math.isfinite(number)
    except OverflowError:
        return False


def _round_to_step(value: float, step: float) -> float:
    """Return the multiple of the step nearest to the value; one with infinitely many steps is returned unchanged."""
    steps = value / step
    return float(round(steps) * step) if math.isfinite(steps) else value
