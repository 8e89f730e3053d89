"""Densities of numbers: TPE's univariate model of continuous and of rounded parameters."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from metaopt.samplers._columns import Column
from metaopt.samplers._observed_values import Cells, Observed, list_values
from metaopt.samplers._parzen import Mixtures, Priors

# More observations of a number are counted in cells, whose number does not grow with that of the trials.
MAX_LISTED = 300

Side = tuple[np.ndarray | None, np.ndarray]


class NumberGroup:
    """Continuous parameters, or rounded ones, which are proposed together.

    Attributes:
        columns: their columns.
        priors: their priors.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = tuple(columns)
        self._is_rounded = self.columns[0].step is not None
        self.priors = Priors(
            np.array([column.mean for column in columns]),
            np.array([column.deviation for column in columns]),
            np.array([column.bounds[0] for column in columns]),
            np.array([column.bounds[1] for column in columns]),
        )

    def propose(
        self,
        sides: Sequence[Side],
        rng: np.random.Generator,
        candidates: int,
        prior_weight: float,
    ) -> dict[str, float]:
        """Return the value of each parameter with the largest ratio of densities, among draws of good ones.

        Args:
            sides: values and cells of good and of other trials, see ``fit``.
            rng: the only source of randomness.
            candidates: number of draws for each parameter.
            prior_weight: weight of the prior relative to one trial.
        """
        mixtures = self.fit(sides, prior_weight)
        n = len(self.columns)
        drawn = mixtures.first(n).draw(candidates, rng)
        logarithms = self.log_densities(mixtures, drawn)
        best = np.argmax(logarithms[:, :n] - logarithms[:, n:], axis=0)
        return {
            column.parameter.label: column.parameter.distribution.from_prior_scale(number)
            for column, number in zip(self.columns, drawn[best, np.arange(n)].tolist(), strict=True)
        }

    def fit(self, sides: Sequence[Side], prior_weight: float) -> Mixtures:
        """Return the mixtures of all columns for the first side, then those for the second side, and so on.

        Args:
            sides: for each, the values of its trials on the scale of the priors, NaN where a column is inactive, and
                the numbers of their cells, 0 where a column is inactive; both (trials, columns). The values are None
                for more than ``MAX_LISTED`` trials.
            prior_weight: weight of the prior relative to one trial.
        """
        everything = np.arange(len(self.columns))
        observed = []
        for number, (values, cells) in enumerate(sides):
            first = number * len(everything)
            if values is None:
                observed.append(_count_values(cells, *self._all_cells).renumber(first + everything))
                continue
            if len(self._listed):
                observed.append(list_values(values[:, self._listed]).renumber(first + self._listed))
            if len(self._counted):
                counted = _count_values(cells[:, self._counted], *self._counted_cells)
                observed.append(counted.renumber(first + self._counted))
        return Mixtures.fit(Observed.join(observed), self.priors.repeat(len(sides)), prior_weight)

    def log_densities(self, mixtures: Mixtures, drawn: np.ndarray) -> np.ndarray:
        """Return the logarithms of densities, or of probabilities of rounded numbers, up to ``Mixtures.log_inside``.

        Args:
            mixtures: mixtures of all columns for one side or for several.
            drawn: numbers on the scales of the priors, (n, columns).

        Returns:
            (n, sides · columns)
        """
        times = 1, len(mixtures.starts) // len(self.columns)
        if not self._is_rounded:
            return mixtures.log_density(np.tile(drawn, times))
        lows, highs = self.find_intervals(drawn)
        return mixtures.log_mass(np.tile(lows, times), np.tile(highs, times))

    @np.errstate(divide="ignore")  # the logarithm of 0 is the lower end of the values that are rounded to 0
    def find_intervals(self, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return lower and upper ends, (n, columns), of the intervals of numbers that are rounded to the same value."""
        steps, smallest, largest, logarithmic = self._rounding
        values = np.where(logarithmic, np.exp(np.where(logarithmic, drawn, 0.0)), drawn)
        values = np.clip(np.rint(values / steps) * steps, smallest, largest)
        lows, highs = values - steps / 2, values + steps / 2
        if not logarithmic.any():
            return lows, highs
        log_lows, log_highs = (np.log(np.where(logarithmic, np.maximum(ends, 0.0), 1.0)) for ends in (lows, highs))
        return np.where(logarithmic, log_lows, lows), np.where(logarithmic, log_highs, highs)

    @cached_property
    def _counted(self) -> np.ndarray:
        """Columns each value of which has its own cell."""
        return np.flatnonzero([column.has_levels for column in self.columns])

    @cached_property
    def _listed(self) -> np.ndarray:
        """The other columns, of which few observations are listed."""
        return np.flatnonzero([not column.has_levels for column in self.columns])

    @cached_property
    def _counted_cells(self) -> tuple[Cells, np.ndarray]:
        return _make_cells([self.columns[number] for number in self._counted])

    @cached_property
    def _all_cells(self) -> tuple[Cells, np.ndarray]:
        return _make_cells(self.columns)

    @cached_property
    def _rounding(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Step, smallest and largest value, and whether the prior is logarithmic; each (columns,)."""
        distributions = [column.parameter.distribution for column in self.columns]
        bounds = np.array([distribution.bounds for distribution in distributions], dtype=float)
        steps = np.array([column.step for column in self.columns], dtype=float)
        return steps, bounds[:, 0], bounds[:, 1], np.array([each.is_logarithmic for each in distributions])


def _make_cells(columns: Sequence[Column]) -> tuple[Cells, np.ndarray]:
    """Return the cells of columns, and the number on the scale of the prior that stands for each cell, (cells,)."""
    positions = [np.append(np.nan, column.cell_positions) for column in columns]
    return Cells([len(column.cell_positions) for column in columns]), np.concatenate(positions)


def _count_values(cells: np.ndarray, index: Cells, positions: np.ndarray) -> Observed:
    """Return the observed values of columns.

    Args:
        cells: number of the cell in its column, (observations, columns), oldest first.
        index: the cells of these columns.
        positions: number on the scale of the prior that stands for each cell, (cells,).
    """
    counts, weights = index.count(cells)
    found = np.flatnonzero(counts)
    return Observed(index.column[found], positions[found], counts[found], weights[found])
