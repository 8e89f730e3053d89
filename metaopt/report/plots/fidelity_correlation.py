"""Rank correlation between fidelities: one cell for each pair of budgets."""

import math
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from metaopt.report.analysis.fidelity_correlation import (
    MIN_TRIALS,
    FidelityCorrelation,
    correlate_fidelities,
    spearman_interval,
)
from metaopt.report.analysis.rungs import has_rungs
from metaopt.report.analysis.study_data import StudyData
from metaopt.report.formatting import metric_label
from metaopt.report.plots.style import INK, PALE, add_title, write_message, write_or_explain

# Distinguishable for colour-blind readers: orange to purple, white where there is no correlation.
_DIVERGING = "PuOr"
# Luminance below which a cell needs white letters; shares of red, green and blue in it (ITU-R BT.709).
_DARK = 0.5
_LUMINANCE = (0.2126, 0.7152, 0.0722)


def fidelity_correlation_figure(study: StudyData, path: Path) -> None:
    """Draw Spearman's rank correlation of the objective between each pair of budgets.

    Each cell is over the trials that reached both budgets; it has no value with fewer than ``MIN_TRIALS``, or where all
    are equal. Imported trials are ignored.

    Args:
        study: the study.
        path: the image file.

    Raises:
        ResultsNotWritable: The file cannot be written.
    """
    study = study.without_imported()
    if not has_rungs(study.records):
        message = "No trial was promoted from one rung to the next, so no two budgets can be compared."
        write_message(path, message, study.caption)
        return
    found = correlate_fidelities(study)
    side = 0.95 * max(len(found.budgets), 4)

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        _draw_cells(figure, axes, found)
        axes.set_xlabel(study.budget_unit)
        axes.set_ylabel(study.budget_unit)
        detail = (
            f"Spearman's ρ of the {metric_label(study.objective.name)} over the trials that reached both, with its 95 %"
            f" interval, from {MIN_TRIALS} trials on. Only the better trials are promoted, which lowers ρ."
        )
        add_title(figure, "Rank correlation between budgets", detail, study.caption)

    write_or_explain(study.records, path, (side + 2.2, side + 1.8), draw, caption=study.caption)


def _draw_cells(figure: Figure, axes: Axes, found: FidelityCorrelation) -> None:
    """Draw the lower triangle; on the diagonal the number of trials alone."""
    n = len(found.budgets)
    norm, colours = Normalize(-1, 1), matplotlib.colormaps[_DIVERGING]
    shades = np.ones((n, n, 4))
    for row in range(n):
        for column in range(row + 1):
            value, n_trials = float(found.correlation[row, column]), int(found.n_trials[row, column])
            shades[row, column] = matplotlib.colors.to_rgba(PALE)
            if row != column and not math.isnan(value):
                shades[row, column] = colours(norm(value))
                colour = "white" if np.dot(shades[row, column, :3], _LUMINANCE) < _DARK else INK
                text = f"{value:.2f}".replace("-", "−")
                axes.text(column, row - 0.17, text, ha="center", va="center", fontsize=12, color=colour)
                low, high = spearman_interval(value, n_trials)
                interval = f"{low:.2f} to {high:.2f}".replace("-", "−")
                small = f"{interval}\nn = {n_trials}"
                axes.text(column, row + 0.2, small, ha="center", va="center", fontsize=7.5, color=colour)
            elif row == column:
                text = f"{n_trials} trial{'s' if n_trials != 1 else ''}"
                axes.text(column, row, text, ha="center", va="center", fontsize=8.5, color=INK)
            else:
                text = f"n = {n_trials}"
                text += f"\n{MIN_TRIALS - n_trials} missing" if n_trials < MIN_TRIALS else "\nall equal"
                axes.text(column, row, text, ha="center", va="center", fontsize=8, color=INK)
    axes.imshow(shades)
    for spine in axes.spines.values():
        spine.set_visible(False)
    names = [str(budget) for budget in found.budgets]
    axes.set_xticks(range(n), names)
    axes.set_yticks(range(n), names)
    axes.tick_params(length=0)
    axes.grid(False)
    for edge in np.arange(-0.5, n):  # lines between the cells
        axes.axhline(edge, color="white", linewidth=2)
        axes.axvline(edge, color="white", linewidth=2)
    mapped = matplotlib.cm.ScalarMappable(norm, colours)
    bar = figure.colorbar(mapped, ax=axes, shrink=0.7, aspect=25, label="Spearman's ρ")
    bar.outline.set_visible(False)
