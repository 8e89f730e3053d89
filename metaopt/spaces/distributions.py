"""The prior of one parameter: every ``hp.*`` distribution, drawn and bounded as hyperopt does.

A draw is the quantile of a uniform number, so that all values of a space have their place in a unit cube.

The formulas are those of ``hyperopt/pyll/stochastic.py``: a loguniform is exp(uniform(low, high)), a lognormal
exp(normal(mu, sigma)), and a name that begins with q rounds x to round(x / q)·q (a half goes to the even neighbour).
"""

import math
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from statistics import NormalDist

import numpy as np

from metaopt.errors import UserError

# Distributions over numbers: name → names of its arguments, in hyperopt's order.
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

# exp of more than this is infinite in double precision.
_LARGEST_LOGARITHM = math.log(np.finfo(float).max)
# How far a decoded value may lie from a bound or a multiple of q, relative to its size: floats that went through text
# or arithmetic are not exact.
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Distribution:
    """How one parameter is distributed before anything is known.

    Attributes:
        name: as in ``hp``, e.g. ``"qloguniform"``.
        args: ``CONTINUOUS[name]`` for those; the number of options for ``choice``; one probability per option for
            ``pchoice``; (low, high) without high itself for ``randint``; (low, high), both included, for
            ``uniformint``.
    """

    name: str
    args: tuple[float, ...]

    @property
    def is_unordered(self) -> bool:
        """Whether its values are options, or numbers without an order, of which none is nearer to another."""
        return self.is_choice or self.name == "randint"

    @property
    def is_choice(self) -> bool:
        """Its value is the index of an option."""
        return self.name in CHOICES

    @property
    def is_integer(self) -> bool:
        """Its values are ints; else they are floats."""
        return self.name in INTEGERS

    @property
    def logarithmic(self) -> bool:
        """It is a distribution of the value's logarithm."""
        return "log" in self.name

    @property
    def upper(self) -> int | None:
        """Number of options of a choice, else None."""
        if self.name == "choice":
            return int(self.args[0])
        return len(self.args) if self.name == "pchoice" else None

    @property
    def step(self) -> float | None:
        """Its values are multiples of this, or None."""
        if self.is_integer:
            return 1
        return self.args[2] if self.name.startswith("q") else None

    @property
    def bounds(self) -> tuple[float, float]:
        """The smallest and the largest value that can be drawn; infinite where there is none."""
        if self.upper is not None:
            return 0, self.upper - 1
        if self.name == "randint":
            return self.args[0], self.args[1] - 1
        if self.name.endswith("normal"):
            low, high = (0.0 if self.logarithmic else -math.inf), math.inf
        else:
            low, high = self.args[:2]
            if self.logarithmic:
                low, high = math.exp(low), math.exp(high)
        if self.step is None:
            return low, high
        return _quantise(low, self.step), _quantise(high, self.step)

    def check(self, label: str) -> None:
        """Refuses arguments from which nothing sensible can be drawn.

        Raises:
            UserError: arguments that are not finite; bounds in the wrong order; a width or step that is not positive;
                logarithms whose exp is infinite; no options; probabilities that are negative or do not sum to 1.
        """
        problem = self._problem()
        if problem is not None:
            text = ", ".join(f"{arg:g}" for arg in self.args)
            raise UserError(f"hyperparameter {label!r}, {self.name}({text}): {problem}")

    def _problem(self) -> str | None:
        """What is wrong with the arguments, or None."""
        if not all(math.isfinite(arg) for arg in self.args):
            return "its arguments must be finite numbers"
        if self.upper is not None:
            return self._problem_of_options()
        if self.name == "randint" and not all(arg == int(arg) for arg in self.args):
            return "its bounds must be whole numbers"
        first, second = self.args[:2]
        if self.name.endswith("normal"):
            if second <= 0:
                return "sigma must be above 0"
        elif first >= second:
            return "low must be below high; write a single value without hp"
        if self.step is not None and self.step <= 0:
            return "q must be above 0"
        if self.logarithmic and max(first, second) > _LARGEST_LOGARITHM:
            return "its arguments are logarithms, and exp of them is infinite; write log(high) for high"
        return None

    def _problem_of_options(self) -> str | None:
        if not self.upper:
            return "it needs at least one option"
        if self.name == "pchoice" and (min(self.args) < 0 or abs(sum(self.args) - 1) > 1e-6):
            return "its probabilities must be 0 or more and sum to 1"
        return None

    def quantile(self) -> Callable[[float], float]:
        """The inverse of the distribution function; made once, called on the hot path.

        Returns:
            A function from a number in (0, 1), uniform for a draw from the prior, to a plain int or float.
        """
        if self.name == "choice":
            options = int(self.args[0])
            return lambda unit: int(unit * options)
        if self.name == "pchoice":
            thresholds = list(accumulate(self.args))[:-1]
            return lambda unit: bisect_right(thresholds, unit)
        if self.name == "randint":
            first, end = int(self.args[0]), int(self.args[1])
            return lambda unit: first + int(unit * (end - first))
        a, b = self.args[:2]
        if self.name == "uniformint":
            return lambda unit: round(min(a + unit * (b - a), b))
        return self._continuous_quantile()

    def _continuous_quantile(self) -> Callable[[float], float]:
        a, b = self.args[:2]
        step = self.step
        if self.name.endswith("normal"):
            inverse, value = NormalDist(a, b).inv_cdf, self.value
            return lambda unit: value(inverse(unit))
        exp = math.exp
        # min, as a + (b - a) may round to more than b.
        if self.logarithmic:
            if step is None:
                return lambda unit: exp(min(a + unit * (b - a), b))
            return lambda unit: float(round(exp(min(a + unit * (b - a), b)) / step) * step)
        if step is None:
            return lambda unit: min(a + unit * (b - a), float(b))
        return lambda unit: float(round(min(a + unit * (b - a), b) / step) * step)

    def unit(self, value: float) -> float:
        """Where a value lies in the unit interval: ``quantile()`` gives it back.

        A value of a discrete distribution owns an interval as long as its probability, of which this is the middle.
        """
        if self.name == "pchoice":
            below = sum(self.args[: int(value)])
            return below + self.args[int(value)] / 2
        if self.name in ("choice", "randint"):
            low, high = self.bounds
            return (value - low + 0.5) / (high - low + 1)
        if self.step is None:
            return self._share_below(value)
        return (self._share_below(value - self.step / 2) + self._share_below(value + self.step / 2)) / 2

    def _share_below(self, value: float) -> float:
        """The distribution function, before rounding to the step."""
        if self.logarithmic and value <= 0:
            return 0.0
        place = math.log(value) if self.logarithmic else value
        a, b = self.args[:2]
        if self.name.endswith("normal"):
            return NormalDist(a, b).cdf(place)
        return min(max((place - a) / (b - a), 0.0), 1.0)

    @property
    def span(self) -> tuple[float, float]:
        """The bounds on the scale on which the prior is even or normal: of logarithms if it is ``logarithmic``."""
        return (-math.inf, math.inf) if self.name.endswith("normal") else (self.args[0], self.args[1])

    def place(self, value: float) -> float:
        """A number's place on that scale; of one that was rounded to 0 a logarithm that would have been."""
        if not self.logarithmic:
            return value
        return math.log(value if value > 0 else (self.step or 1.0) / 4)

    def value(self, place: float) -> float:
        """The number at a place of that scale, rounded to the step and kept within the bounds."""
        number = math.exp(max(-_LARGEST_LOGARITHM, min(place, _LARGEST_LOGARITHM))) if self.logarithmic else place
        if self.step is not None:
            number = _quantise(number, self.step)
        low, high = self.bounds
        return self.plain(min(max(number, low), high))

    def plain(self, value: float) -> float:
        """The value as a plain int or float, whatever numpy type it had."""
        return int(value) if self.is_integer else float(value)

    def fit(self, value: object) -> float | None:
        """The value of this distribution that ``value`` stands for.

        Returns:
            ``value`` moved to the exact bound or multiple of the step where it is off by a rounding error; None if it
            is no number or cannot be drawn.
        """
        if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
            return None
        number = float(value)
        if not math.isfinite(number):
            return None
        low, high = self.bounds
        slack = _TOLERANCE * (abs(number) + (high - low if math.isfinite(high - low) else 0))
        if self.step is not None:
            nearest = _quantise(number, self.step)
            if abs(nearest - number) > max(slack, _TOLERANCE * self.step):
                return None
            number = nearest
        if not low - slack <= number <= high + slack or (self.name == "lognormal" and number <= 0):
            return None
        return self.plain(min(max(number, low), high))


def _quantise(value: float, step: float) -> float:
    """The multiple of the step that is nearest to the value; an infinite value stays."""
    return float(round(value / step) * step) if math.isfinite(value) else value
