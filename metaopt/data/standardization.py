"""Standardisation of signals: each channel minus its mean, divided by its standard deviation."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from metaopt.data.images import Images

_CHUNK = 1024  # signals read at a time


@dataclass(frozen=True)
class Standardization:
    """Means and standard deviations of the channels of signals; an exported model contains them.

    Attributes:
        mean: mean of each channel over training signals and positions.
        deviation: standard deviation of each channel; 1 for a channel that is constant.
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @classmethod
    def fitted(cls, signals: Images) -> "Standardization":
        """Return the standardisation of signals ``(n, length, channels)``, or of volumes."""
        n, mean, squares = 0, np.zeros(0), np.zeros(0)
        for start in range(0, len(signals), _CHUNK):
            chunk = signals.batch(range(start, min(start + _CHUNK, len(signals))))[0].astype(np.float64)
            count, positions = chunk[..., 0].size, tuple(range(chunk.ndim - 1))
            own = chunk.mean(axis=positions)
            own_squares = ((chunk - own) ** 2).sum(axis=positions)
            if not n:
                n, mean, squares = count, own, own_squares
                continue
            # Merged as by Chan, Golub & LeVeque 1983, doi:10.1080/00031305.1983.10483115, equation 2.1.
            squares = squares + own_squares + (own - mean) ** 2 * n * count / (n + count)
            n, mean = n + count, mean + (own - mean) * count / (n + count)
        deviation = np.sqrt(squares / n)
        deviation[deviation <= 1e-6 * np.abs(mean)] = 1.0  # also 0: rounding errors of a constant are not enlarged
        return cls(tuple(mean.tolist()), tuple(deviation.tolist()))

    @property
    def scale(self) -> list[float]:
        """Factor of each channel."""
        return [1 / each for each in self.deviation]

    @property
    def offset(self) -> list[float]:
        """Number that is added to each channel after it is multiplied by its factor."""
        return [-mean / each for mean, each in zip(self.mean, self.deviation, strict=True)]

    def apply(self, signals: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return standardised signals ``(n, length, channels)``, computed as by the layer of an exported model."""
        scaled = signals.astype(np.float32) * np.array(self.scale, np.float32) + np.array(self.offset, np.float32)
        return np.asarray(scaled, np.float32)

    def describe(self) -> dict[str, list[float]]:
        """Return the values for JSON; see ``read``."""
        return {"mean": list(self.mean), "deviation": list(self.deviation)}

    @classmethod
    def read(cls, stored: Mapping[str, Iterable[float]]) -> "Standardization":
        """Return a described standardisation."""
        return cls(tuple(map(float, stored["mean"])), tuple(map(float, stored["deviation"])))
