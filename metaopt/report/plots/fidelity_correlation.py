"""How well a short training foretells a long one: the rank correlation between each pair of budgets."""

import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from metaopt.report.analysis.fidelity_correlation import Agreement, agreement
from metaopt.report.analysis.rungs import budget_unit, has_rungs
from metaopt.report.analysis.scores import describe_metric, objective_of
from metaopt.report.plots.style import GREY, INK, PALE, title, write_message, write_or_explain
from metaopt.trials.record import Record

# Told apart by colour-blind readers: orange to purple, white where there is no correlation.
_DIVERGING = "PuOr"
# Luminance below which a cell is too dark for black letters; shares of red, green and blue in it (ITU-R BT.709).
_DARK = 0.5
_LUMINANCE = (0.2126, 0.7152, 0.0722)


def foretelling_figure(records: Sequence[Record], path: Path) -> None:
    """Draws Spearman's rank correlation of the objective between each pair of budgets.

    Each cell is over the trials that reached both; it is blank where they are fewer than three or all equal.

    Args:
        records: in any order; imported ones are passed over.
        path: of the picture.

    Raises:
        ResultsNotWritable: the picture cannot be written there.
    """
    own = [record for record in records if not record.get("imported")]
    if not has_rungs(own):
        write_message(path, "No trial went on from one rung to the next, so no two budgets can be compared.")
        return
    found = agreement(own)
    side = 0.95 * max(len(found.budgets), 4)

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        _draw_cells(figure, axes, found)
        unit = budget_unit(own)
        axes.set_xlabel(unit)
        axes.set_ylabel(unit)
        metric = describe_metric(objective_of(own).name)
        detail = f"Spearman's ρ of the {metric} over the trials that reached both.\n"
        detail += "Only the better ones go on, which lowers ρ."
        title(figure, "How a short training foretells a long one", detail)

    write_or_explain(own, path, (side + 2.2, side + 1.5), draw)


def _draw_cells(figure: Figure, axes: Axes, found: Agreement) -> None:
    """The lower triangle; on the diagonal the number of trials alone."""
    n = len(found.budgets)
    norm, colours = Normalize(-1, 1), matplotlib.colormaps[_DIVERGING]
    shades = np.ones((n, n, 4))
    for row in range(n):
        for column in range(row + 1):
            value, trials = float(found.correlation[row, column]), int(found.trials[row, column])
            shades[row, column] = matplotlib.colors.to_rgba(PALE)
            if row != column and not math.isnan(value):
                shades[row, column] = colours(norm(value))
                colour = "white" if np.dot(shades[row, column, :3], _LUMINANCE) < _DARK else INK
                text = f"{value:.2f}".replace("-", "−")
                axes.text(column, row - 0.1, text, ha="center", va="center", fontsize=12, color=colour)
                axes.text(column, row + 0.22, f"n = {trials}", ha="center", va="center", fontsize=8, color=colour)
            elif row == column:
                text = f"{trials} trial{'s' if trials != 1 else ''}"
                axes.text(column, row, text, ha="center", va="center", fontsize=8.5, color=INK)
            else:
                axes.text(column, row, f"n = {trials}", ha="center", va="center", fontsize=8, color=GREY)
    axes.imshow(shades)
    for spine in axes.spines.values():
        spine.set_visible(False)
    names = [str(budget) for budget in found.budgets]
    axes.set_xticks(range(n), names)
    axes.set_yticks(range(n), names)
    axes.tick_params(length=0)
    axes.grid(False)
    for edge in np.arange(-0.5, n):  # between the cells
        axes.axhline(edge, color="white", linewidth=2)
        axes.axvline(edge, color="white", linewidth=2)
    mapped = matplotlib.cm.ScalarMappable(norm, colours)
    bar = figure.colorbar(mapped, ax=axes, shrink=0.7, aspect=25, label="Spearman's ρ")
    bar.outline.set_visible(False)
