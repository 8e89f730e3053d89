"""Series: several searches of one strategy in a figure, with a line style for each strategy."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from metaopt.report.analysis.study_data import StudyData
from metaopt.report.plots.style import BLUE, GREEN, INK, ORANGE, SKY, VERMILLION
from metaopt.trials.constraints import Constraint
from metaopt.trials.record import Record

# Okabe and Ito's palette, as in style.py, with one more of its colours.
_COLOURS = (BLUE, VERMILLION, GREEN, ORANGE, "#CC79A7", SKY, INK)
# Studies, data sets or strategies that a figure names at most.
_MAX_NAMES = 8
_DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1.5, 1.5)))


@dataclass(frozen=True)
class Series:
    """Searches of one strategy that differ only in their seed.

    Attributes:
        label: label in the legend; empty for a single study.
        runs: the data of each search.
    """

    label: str
    runs: Sequence[StudyData]

    @property
    def records(self) -> list[Record]:
        """Records of all its searches."""
        return [record for run in self.runs for record in run.records]


def all_records(series: Iterable[Series]) -> list[Record]:
    """Return the records of several series."""
    return [record for each in series for record in each.records]


def all_constraints(series: Iterable[Series]) -> list[Constraint]:
    """Return the constraints of several series, each once."""
    return list(dict.fromkeys(constraint for each in series for run in each.runs for constraint in run.constraints))


def caption(series: Iterable[Series]) -> str:
    """Return the studies of several series with their data and strategies, as every figure names them."""
    runs = [run for each in series for run in each.runs]
    if len(runs) == 1:
        return runs[0].caption
    named = {
        ("study", "studies"): [run.name for run in runs],
        ("", ""): [run.subject for run in runs],
        ("strategy", "strategies"): [run.strategy for run in runs],
    }
    texts = []
    for (one, several), names in named.items():
        distinct = list(dict.fromkeys(filter(None, names)))
        shown = ", ".join(distinct[:_MAX_NAMES])
        if len(distinct) > _MAX_NAMES:
            shown += f" and {len(distinct) - _MAX_NAMES} more"
        if distinct:
            texts.append(f"{one if len(distinct) == 1 else several} {shown}".strip())
    return " · ".join(texts)


def line_style(index: int) -> dict[str, Any]:
    """Return colour and dashes of the series with this index; dashes distinguish series of the same colour."""
    return {"color": _COLOURS[index % len(_COLOURS)], "linestyle": _DASHES[index // len(_COLOURS) % len(_DASHES)]}
