"""Scatter matrix: the objective and the most important hyperparameters against each other."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import rankdata

from metaopt.report.analysis.features import NONE_POSITION, Feature
from metaopt.report.analysis.statistics import association
from metaopt.report.analysis.study_data import StudyData
from metaopt.report.formatting import metric_label
from metaopt.report.plots.feature_axis import axis_limits, jitter, set_ticks
from metaopt.report.plots.hyperparameters import rank_features, scatter_trials, truncation_text
from metaopt.report.plots.style import BLUE, GREY, INK, add_title, score_limits, write_message, write_or_explain
from metaopt.trials.objective import Objective
from metaopt.trials.record import Record

# More rows and columns than this are not readable on a page.
_MAX_HYPERPARAMETERS = 7


def pair_matrix(study: StudyData, path: Path, space: Any = None, epochs: int | None = None) -> None:
    """Draw the objective and the most important hyperparameters against each other.

    Below the diagonal: the trials, coloured by score. On it: the distribution of the values. Above it: the association
    of the two. The marginal effects of hyperparameters that a sampler drew together cannot be separated.

    Args:
        study: the study, as ``truncate_study`` returns it.
        path: the image file.
        space: the hyperopt expression that was searched, whose distributions tell which axes are logarithmic; or None.
        epochs: number of epochs that the histories are truncated to, or None.

    Raises:
        ResultsNotWritable: The file cannot be written.
    """
    ranked = rank_features(study, space)
    records = ranked.records
    if records and not ranked.features:
        write_message(path, f"All {len(records)} trials that succeeded have the same hyperparameters.")
        return
    features = [feature for feature, _ in ranked.features[:_MAX_HYPERPARAMETERS]]
    if records:
        features.insert(0, _score_feature(ranked.losses, study.objective))

    def draw(figure: Figure) -> None:
        panels = figure.subplots(len(features), len(features), squeeze=False)
        # Coloured by rank, so that outliers do not make all others look alike.
        colour = rankdata(-ranked.losses)
        for row, vertical in enumerate(features):
            for column, horizontal in enumerate(features):
                axes = panels[row, column]
                if row > column:
                    _draw_pair(axes, horizontal, vertical, records, colour)
                elif row == column:
                    _draw_distribution(axes, horizontal)
                else:
                    _write_association(axes, horizontal, vertical)
                _label_axes(axes, horizontal, vertical, row, column, len(features))
        text = "Below: trials, lighter is better. Diagonal: distribution of the values. Above: association, "
        measures = "ρ Spearman's rank correlation, η correlation ratio, V Cramér's."
        shown = f"the {len(features) - 1} most important of {len(ranked.features)} hyperparameters"
        if len(features) - 1 == len(ranked.features):
            shown = "all hyperparameters"
        title = f"Scatter matrix of {shown}{truncation_text(epochs, len(records))}"
        header = add_title(figure, title, text + measures)
        # By hand, as matplotlib's constrained layout takes seconds for so many panels.
        width, height = figure.get_size_inches()
        figure.subplots_adjust(0.95 / width, 0.75 / height, 1 - 0.1 / width, 1 - (header + 0.1) / height, 0.1, 0.1)
        figure.align_labels()

    side = 1.5 * max(len(features), 5)
    write_or_explain(study.records, path, (side + 0.3, side + 0.7), draw, layout=None)


def _score_feature(losses: np.ndarray, objective: Objective) -> Feature:
    """Return the objective as a feature, with outliers at the end of the axis."""
    scores = [objective.value(loss) for loss in losses]
    low, high = score_limits(scores, objective.maximised)
    values = [min(max(score, low), high) for score in scores]
    name = metric_label(objective.name).replace("validation ", "val. ")
    return Feature(name, values, low=min(values), high=max(*values, min(values) + 1e-9))


def _draw_pair(
    axes: Axes, horizontal: Feature, vertical: Feature, records: Sequence[Record], colour: np.ndarray
) -> None:
    x, y = jitter(horizontal, horizontal.positions()), jitter(vertical, vertical.positions(), seed=1)
    scatter_trials(axes, x, y, records, colour, size=13)
    axes.set_xlim(axis_limits(horizontal))
    axes.set_ylim(axis_limits(vertical))


def _draw_distribution(axes: Axes, feature: Feature) -> None:
    positions = feature.positions()
    if feature.levels:
        counts = [int(np.sum(positions == level)) for level in range(len(feature.levels))]
        axes.bar(range(len(counts)), counts, width=0.7, color=BLUE, alpha=0.55)
    else:
        axes.hist(positions[positions >= 0], bins=10, range=(0, 1), color=BLUE, alpha=0.55, rwidth=0.94)
        axes.bar([NONE_POSITION], [np.sum(positions == NONE_POSITION)], width=0.1, color=BLUE, alpha=0.55)
    axes.set_xlim(axis_limits(feature))
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(False)


def _write_association(axes: Axes, horizontal: Feature, vertical: Feature) -> None:
    axes.set_axis_off()
    symbol, value = association(horizontal, vertical)
    if math.isnan(value):
        return
    strength = abs(value)
    text = f"{symbol} = {value:+.2f}" if symbol == "ρ" else f"{symbol} = {value:.2f}"
    axes.text(
        0.5,
        0.5,
        text.replace("-", "−"),
        ha="center",
        va="center",
        transform=axes.transAxes,
        fontsize=8.5 + 4 * min(strength, 1.0),
        fontweight="bold" if strength >= 0.5 else "normal",
        color=INK if strength >= 0.3 else GREY,
    )


def _label_axes(axes: Axes, horizontal: Feature, vertical: Feature, row: int, column: int, n: int) -> None:
    """Set ticks and names on the outer axes only."""
    if row < column:
        return
    set_ticks(axes.xaxis, horizontal, max_ticks=3, size=7.5, max_letters=11)
    if row > column:
        set_ticks(axes.yaxis, vertical, max_ticks=3, size=7.5)
    if row < n - 1:
        axes.tick_params(axis="x", labelbottom=False)
    else:
        axes.set_xlabel(_wrap_name(horizontal.name), fontsize=8.5)
    if column > 0:
        axes.tick_params(axis="y", labelleft=False)
    else:
        axes.set_ylabel(_wrap_name(vertical.name), fontsize=8.5)


def _wrap_name(name: str, width: int = 16) -> str:
    """Return a long name on two lines, broken at a separator."""
    if len(name) <= width:
        return name
    breaks = [index for index, letter in enumerate(name) if letter in "_. "]
    if not breaks:
        return name
    middle = min(breaks, key=lambda index: abs(index - len(name) / 2))
    return f"{name[: middle + 1].rstrip()}\n{name[middle + 1 :]}"
