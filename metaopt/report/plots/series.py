"""Several searches in one picture: one colour for each strategy, one run for each seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from metaopt.report.plots.style import BLUE, GREEN, INK, ORANGE, SKY, VERMILLION
from metaopt.trials.record import Record

# Okabe and Ito's palette, as in style.py, and one more of it.
_COLOURS = (BLUE, VERMILLION, GREEN, ORANGE, "#CC79A7", SKY, INK)
_DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1.5, 1.5)))


@dataclass(frozen=True)
class Series:
    """The searches of one strategy, which differ only in their seed.

    Attributes:
        label: for the legend.
        runs: the records of each search, imported ones left out.
    """

    label: str
    runs: Sequence[Sequence[Record]]

    @property
    def records(self) -> list[Record]:
        """Of all its searches."""
        return [record for run in self.runs for record in run]


def look(index: int) -> dict[str, Any]:
    """Colour and dashes of the series of this index; the dashes tell series of one colour apart."""
    return {"color": _COLOURS[index % len(_COLOURS)], "linestyle": _DASHES[index // len(_COLOURS) % len(_DASHES)]}
