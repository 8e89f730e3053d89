"""Columns of TPE's univariate model: how the values of one parameter become numbers and cells."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from metaopt.spaces import Parameter

# Counting the values of an unordered randint takes memory for each of them. Wider ranges are modelled as numbers.
_MAX_OPTIONS = 2**16
MAX_LEVELS = 1_000  # values of a rounded parameter that each have a cell
_MAX_STEPS = 1e5  # steps of a rounded parameter; more are so small that its density is that of a continuous one
_CELLS_PER_DEVIATION = 400  # a quarter of the smallest bandwidth of a kernel
_NORMAL_RANGE = 6.0  # standard deviations of a normal prior that the cells reach to both sides
_SMALLEST = 1e-12  # hyperopt's number for 0 on a logarithmic scale


@dataclass(frozen=True)
class Column:
    """Encoding of one parameter.

    A value has a number on the scale on which the prior is uniform or normal, and a cell. An option is its own cell,
    and so is each value of a rounded parameter with at most 1,000 values. The cells of other numbers are intervals,
    much shorter than the bandwidth of any kernel.

    Attributes:
        parameter: the parameter.
    """

    parameter: Parameter

    @cached_property
    def is_number(self) -> bool:
        """Whether the values are modelled as numbers, rather than as options without an order."""
        if self.parameter.kind != "randint":
            return not self.parameter.distribution.is_unordered
        return self.parameter.args[1] - self.parameter.args[0] > _MAX_OPTIONS

    @cached_property
    def first_option(self) -> int:
        """Value of the first option."""
        return int(self.parameter.distribution.bounds[0])

    @cached_property
    def n_options(self) -> int:
        """Number of options."""
        low, high = self.parameter.distribution.bounds
        return int(high - low) + 1

    @cached_property
    def pseudo_counts(self) -> np.ndarray:
        """Number of observations of each option that the prior counts for, (options,): 1 if all are equally likely."""
        if self.parameter.kind == "pchoice":
            return np.array(self.parameter.args) * self.n_options
        return np.ones(self.n_options)

    @cached_property
    def bounds(self) -> tuple[float, float]:
        """Bounds on the scale of the prior."""
        if self.parameter.kind == "randint":
            return float(self.parameter.args[0]), float(self.parameter.args[1] - 1)
        low, high = self.parameter.distribution.prior_scale_bounds
        return float(low), float(high)

    @cached_property
    def mean(self) -> float:
        """Mean of the prior's kernel."""
        low, high = self.bounds
        return 0.5 * low + 0.5 * high if math.isfinite(high) else float(self.parameter.args[0])

    @cached_property
    def deviation(self) -> float:
        """Standard deviation of the prior's kernel; that of a uniform prior is its whole range."""
        low, high = self.bounds
        return high - low if math.isfinite(high) else float(self.parameter.args[1])

    @cached_property
    def step(self) -> float | None:
        """Distance of consecutive values; None for values that are continuous, or nearly so."""
        distribution = self.parameter.distribution
        low, high = distribution.bounds
        step = distribution.step
        if step is None or not math.isfinite(high):
            return step
        if distribution.is_logarithmic:
            return step if step >= high * 2.0**-53 else None
        return step if (high - low) / step <= _MAX_STEPS else None

    @cached_property
    def has_levels(self) -> bool:
        """Whether each value of a number has its own cell."""
        low, high = self.parameter.distribution.bounds
        return self.step is not None and (high - low) / self.step < MAX_LEVELS

    @cached_property
    def cell_positions(self) -> np.ndarray:
        """Number on the scale of the prior that stands for each cell of a number, ascending, (cells,)."""
        if self.has_levels:
            low, high = self.parameter.distribution.bounds
            assert self.step is not None
            first = round(low / self.step)
            n_levels = round((high - low) / self.step) + 1
            return np.array([self.encode((first + level) * self.step)[0] for level in range(n_levels)])
        low, n_cells = self._cells
        return low + (np.arange(n_cells) + 0.5) * (self.deviation / _CELLS_PER_DEVIATION)

    @cached_property
    def _cells(self) -> tuple[float, int]:
        """Lower end of the first cell on the scale of the prior, and the number of cells."""
        low, high = self.bounds
        if math.isfinite(high):
            return low, _CELLS_PER_DEVIATION
        return self.mean - _NORMAL_RANGE * self.deviation, int(2 * _NORMAL_RANGE * _CELLS_PER_DEVIATION)

    def encode(self, value: float) -> tuple[float, float]:
        """Return the number on the scale of the prior and the cell of a value."""
        if not self.is_number:
            return float(value), value - self.first_option
        scaled = self._to_prior_scale(value)
        if self.has_levels:
            assert self.step is not None
            return scaled, round((value - self.parameter.distribution.bounds[0]) / self.step)
        low, n_cells = self._cells
        cell = (scaled - low) / self.deviation * _CELLS_PER_DEVIATION
        return scaled, float(math.floor(min(max(cell, 0), n_cells - 1)))

    def _to_prior_scale(self, value: float) -> float:
        if not self.parameter.distribution.is_logarithmic:
            return float(value)
        if self.step is None:
            return math.log(value) if value > 0 else math.log(_SMALLEST)
        low, _ = self.bounds
        smallest = max(_SMALLEST, math.exp(low)) if math.isfinite(low) else _SMALLEST
        return math.log(max(value, smallest))
