"""The scatter matrix proper: the objective and the most important hyperparameters, each against each."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import rankdata

from metaopt.report.analysis.features import NONE_AT, Column
from metaopt.report.analysis.scores import describe_metric, objective_of
from metaopt.report.analysis.statistics import association
from metaopt.report.plots.hyperparameters import jitter, rank_columns, scatter_trials, set_ticks, since
from metaopt.report.plots.style import BLUE, GREY, INK, score_limits, title, write_message, write_or_explain
from metaopt.trials.objective import Objective
from metaopt.trials.record import Record

# More rows and columns than this cannot be read on a page.
_MOST_HYPERPARAMETERS = 7


def pair_matrix(records: Sequence[Record], path: Path, space: Any = None, epochs: int | None = None) -> None:
    """Draws the objective and the most important hyperparameters against each other.

    Below the diagonal the trials, coloured by score; on it how often each value was tried; above it how strongly the
    two went together. Pairs that a sampler drew together cannot be told apart by their marginal effects.

    Args:
        records: in any order.
        path: of the picture.
        space: the hyperopt expression that was searched, which says where an axis is logarithmic; or None.
        epochs: of trials that are shown as they were then, see ``at_equal_epochs``; or None.

    Raises:
        ResultsNotWritable: the picture cannot be written there.
    """
    ranked, _, used = rank_columns(records, space)
    if used and not ranked:
        write_message(path, f"All {len(used)} trials that succeeded have the same hyperparameters.")
        return
    objective = objective_of(records)
    columns = [column for column, _ in ranked[:_MOST_HYPERPARAMETERS]]
    if used:
        columns.insert(0, _score_column(used, objective))

    def draw(figure: Figure) -> None:
        panels = figure.subplots(len(columns), len(columns), squeeze=False)
        # Coloured by rank, so that outliers do not make all others look alike.
        colour = rankdata([-record["loss"] for record in used])
        for row, vertical in enumerate(columns):
            for place, horizontal in enumerate(columns):
                axes = panels[row, place]
                if row > place:
                    _draw_pair(axes, horizontal, vertical, used, colour)
                elif row == place:
                    _draw_tried(axes, horizontal)
                else:
                    _write_association(axes, horizontal, vertical)
                _label(axes, horizontal, vertical, row, place, len(columns))
        text = "Below: trials, lighter is better. Diagonal: how often a value was tried. Above: association, "
        measures = "ρ Spearman's rank correlation, η correlation ratio, V Cramér's."
        shown = f"the {len(columns) - 1} most important of {len(ranked)} hyperparameters"
        if len(columns) - 1 == len(ranked):
            shown = "all hyperparameters"
        header = title(figure, f"Scatter matrix of {shown}{since(epochs, len(used))}", text + measures)
        # By hand, as matplotlib's constrained layout takes seconds for so many panels.
        width, height = figure.get_size_inches()
        figure.subplots_adjust(0.95 / width, 0.75 / height, 1 - 0.1 / width, 1 - (header + 0.1) / height, 0.1, 0.1)
        figure.align_labels()

    side = 1.5 * max(len(columns), 5)
    write_or_explain(records, path, (side + 0.3, side + 0.7), draw, layout=None)


def _score_column(records: Sequence[Record], objective: Objective) -> Column:
    """The objective as if it were a hyperparameter, hopeless trials at the axis' end."""
    scores = [objective.value(record["loss"]) for record in records]
    low, high = score_limits(scores, objective.maximised)
    values = [min(max(score, low), high) for score in scores]
    name = describe_metric(objective.name).replace("validation ", "val. ")
    return Column(name, values, low=min(values), high=max(*values, min(values) + 1e-9))


def _draw_pair(axes: Axes, horizontal: Column, vertical: Column, records: Sequence[Record], colour: np.ndarray) -> None:
    x, y = jitter(horizontal, horizontal.places()), jitter(vertical, vertical.places(), seed=1)
    scatter_trials(axes, x, y, records, colour, size=13)
    axes.set_xlim(horizontal.limits())
    axes.set_ylim(vertical.limits())


def _draw_tried(axes: Axes, column: Column) -> None:
    places = column.places()
    if column.levels:
        counts = [int(np.sum(places == level)) for level in range(len(column.levels))]
        axes.bar(range(len(counts)), counts, width=0.7, color=BLUE, alpha=0.55)
    else:
        axes.hist(places[places >= 0], bins=10, range=(0, 1), color=BLUE, alpha=0.55, rwidth=0.94)
        axes.bar([NONE_AT], [np.sum(places == NONE_AT)], width=0.1, color=BLUE, alpha=0.55)
    axes.set_xlim(column.limits())
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(False)


def _write_association(axes: Axes, horizontal: Column, vertical: Column) -> None:
    axes.set_axis_off()
    sign, value = association(horizontal, vertical)
    if math.isnan(value):
        return
    strong = abs(value)
    text = f"{sign} = {value:+.2f}" if sign == "ρ" else f"{sign} = {value:.2f}"
    axes.text(
        0.5,
        0.5,
        text.replace("-", "−"),
        ha="center",
        va="center",
        transform=axes.transAxes,
        fontsize=8.5 + 4 * min(strong, 1.0),
        fontweight="bold" if strong >= 0.5 else "normal",
        color=INK if strong >= 0.3 else GREY,
    )


def _label(axes: Axes, horizontal: Column, vertical: Column, row: int, place: int, n: int) -> None:
    """Ticks and names on the outer axes only."""
    if row < place:
        return
    set_ticks(axes.xaxis, horizontal, most=3, size=7.5, room=11)
    if row > place:
        set_ticks(axes.yaxis, vertical, most=3, size=7.5)
    if row < n - 1:
        axes.tick_params(axis="x", labelbottom=False)
    else:
        axes.set_xlabel(_broken(horizontal.name), fontsize=8.5)
    if place > 0:
        axes.tick_params(axis="y", labelleft=False)
    else:
        axes.set_ylabel(_broken(vertical.name), fontsize=8.5)


def _broken(name: str, width: int = 16) -> str:
    """A long name on two lines, broken at a separator."""
    if len(name) <= width:
        return name
    breaks = [index for index, sign in enumerate(name) if sign in "_. "]
    if not breaks:
        return name
    middle = min(breaks, key=lambda index: abs(index - len(name) / 2))
    return f"{name[: middle + 1].rstrip()}\n{name[middle + 1 :]}"
