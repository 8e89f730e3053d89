"""Scatter matrix: the objective and the hyperparameters with the largest effects against each other."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from scipy.stats import rankdata

from metaopt.report.analysis.features import NONE_POSITION, Feature
from metaopt.report.analysis.ranked_features import RankedFeatures, explain_no_features, rank_features
from metaopt.report.analysis.statistics import MIN_TRIALS, Association, association, corrected
from metaopt.report.analysis.study_data import StudyData
from metaopt.report.formatting import metric_label
from metaopt.report.plots.feature_axis import axis_limits, jitter, set_ticks
from metaopt.report.plots.hyperparameters import cut_name, mark_best, scatter_trials, truncation_text
from metaopt.report.plots.score_axis import ScoreAxis
from metaopt.report.plots.style import BLUE, GREY, INK, SEQUENTIAL, add_title, write_message, write_or_explain
from metaopt.trials.objective import Objective
from metaopt.trials.record import Record

# More rows and columns than this are not readable on a page.
_MAX_HYPERPARAMETERS = 7
# Area in points² of the dot of one trial, and the largest of a pair of levels that several trials have.
_DOT = 13.0
_LARGEST_DOT = 300.0
# Letters of a line of a name, and of the text of a tick, so that they fit a panel.
_NAME_LETTERS = 18
_TICK_LETTERS = 9


def scatter_matrix(study: StudyData, path: Path, space: Any = None, epochs: int | None = None) -> None:
    """Draw the objective and the hyperparameters with the largest effects against each other.

    Below the diagonal: the trials, coloured by score. On it: the distribution of the values. Above it: the association
    of the two, with ``MIN_TRIALS`` trials or more. The marginal effects of hyperparameters that a sampler drew together
    cannot be separated.

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
        write_message(path, explain_no_features(ranked), study.caption)
        return
    features = [feature for feature, _ in ranked.features[:_MAX_HYPERPARAMETERS]]
    if records:
        features.insert(0, _score_feature(ranked.losses, study.objective))

    def draw(figure: Figure) -> None:
        panels = figure.subplots(len(features), len(features), squeeze=False)
        # Coloured by rank, so that outliers do not make all others look alike.
        colour = rankdata(-ranked.losses)
        cells = [(row, column) for row in range(len(features)) for column in range(row + 1, len(features))]
        found = corrected([association(features[row], features[column]) for row, column in cells])
        associations = dict(zip(cells, found, strict=True))
        for row, vertical in enumerate(features):
            for column, horizontal in enumerate(features):
                axes = panels[row, column]
                if row > column:
                    _draw_pair(axes, horizontal, vertical, records, colour)
                elif row == column:
                    _draw_distribution(axes, horizontal)
                else:
                    _write_association(axes, associations[row, column], ranked.n_missing)
                _label_axes(axes, horizontal, vertical, row, column, len(features))
        title = _title(ranked, len(features) - 1) + truncation_text(epochs, len(records))
        header = add_title(figure, title, _explain(ranked, found), study.caption)
        # By hand, as matplotlib's constrained layout takes seconds for so many panels.
        width, height = figure.get_size_inches()
        figure.subplots_adjust(1.1 / width, 0.95 / height, 1 - 0.1 / width, 1 - (header + 0.1) / height, 0.1, 0.1)
        figure.align_labels()

    side = 1.5 * max(len(features), 5)
    write_or_explain(study.records, path, (side + 0.45, side + 1.1), draw, layout=None, caption=study.caption)


def _title(ranked: RankedFeatures, n_shown: int) -> str:
    n_all = len(ranked.features)
    if n_shown == n_all:
        return "Scatter matrix of all hyperparameters"
    if ranked.n_missing:
        return f"Scatter matrix of the first {n_shown} of {n_all} hyperparameters"
    return f"Scatter matrix of the {n_shown} of {n_all} hyperparameters with the largest effects"


def _explain(ranked: RankedFeatures, associations: Sequence[Association]) -> str:
    text = "Below: trials, lighter is better; larger dots: several trials. Diagonal: distribution of the values. "
    if ranked.n_missing:
        text += (
            f"No associations and no order by effect: they need {MIN_TRIALS} trials that succeeded,"
            f" {ranked.n_missing} more than there are."
        )
    else:
        n_tests = sum(not math.isnan(test.p_value) for test in associations)
        text += (
            "Above: association, ρ Spearman's rank correlation, η correlation ratio, V Cramér's; bold: p < 0.05 after"
            f" Holm's correction for {n_tests} tests; a number of trials: too few for an association."
        )
    return text + ranked.explain_left_out()


def _score_feature(losses: np.ndarray, objective: Objective) -> Feature:
    """Return the objective as a feature, with outliers at the end of the axis."""
    scores = [objective.value(loss) for loss in losses]
    axis = ScoreAxis.of(objective, scores)
    low, high = axis.limits
    values = [min(max(score, low), high) for score in scores]
    name = metric_label(objective.name).replace("validation ", "val. ")
    return Feature(name, values, low=min(values), high=max(values), is_logarithmic=axis.is_logarithmic)


def _draw_pair(
    axes: Axes, horizontal: Feature, vertical: Feature, records: Sequence[Record], colour: np.ndarray
) -> None:
    if horizontal.levels and vertical.levels:
        _draw_counts(axes, horizontal, vertical, records, colour)
    else:
        x, y = jitter(horizontal, horizontal.positions()), jitter(vertical, vertical.positions(), seed=1)
        scatter_trials(axes, x, y, records, colour, size=_DOT)
    axes.set_xlim(axis_limits(horizontal))
    axes.set_ylim(axis_limits(vertical))


def _draw_counts(
    axes: Axes, horizontal: Feature, vertical: Feature, records: Sequence[Record], colour: np.ndarray
) -> None:
    """Draw a dot for each pair of levels, its area the number of trials, its colour that of their mean rank."""
    at = np.stack([horizontal.positions(), vertical.positions()], axis=1)
    known = ~np.isnan(at).any(axis=1)
    if not known.any():
        return
    cells, inverse, counts = np.unique(at[known], axis=0, return_inverse=True, return_counts=True)
    means = np.bincount(inverse.ravel(), weights=colour[known]) / counts
    largest = _LARGEST_DOT * min(1, 4 / max(len(horizontal.levels), len(vertical.levels))) ** 2
    areas = counts * min(_DOT, largest / counts.max())
    norm = Normalize(colour.min(), colour.max() + 1e-12)
    dots: dict[str, Any] = {"cmap": SEQUENTIAL, "norm": norm, "alpha": 0.8, "linewidths": 0, "zorder": 3}
    axes.scatter(cells[:, 0], cells[:, 1], s=areas, c=means, **dots)
    mark_best(axes, at[:, 0], at[:, 1], records)


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


def _write_association(axes: Axes, found: Association, n_missing: int) -> None:
    """Write the association of two features; with too few trials in which both are active, their number."""
    axes.set_axis_off()
    where: dict[str, Any] = {"ha": "center", "va": "center", "transform": axes.transAxes}
    if found.n_trials < MIN_TRIALS:
        if not n_missing:  # otherwise the title tells it of all
            text = f"{found.n_trials} trial{'' if found.n_trials == 1 else 's'}"
            axes.text(0.5, 0.5, text, fontsize=7.5, color=GREY, **where)
        return
    if math.isnan(found.value):
        return
    value = round(found.value, 2) + 0.0  # no negative zero
    text = f"{found.symbol} = {value:+.2f}" if found.symbol == "ρ" else f"{found.symbol} = {value:.2f}"
    style: dict[str, Any] = {"fontweight": "bold", "color": INK} if found.is_significant else {"color": GREY}
    size = 8.5 + 4 * min(abs(found.value), 1.0)
    axes.text(0.5, 0.5, text.replace("-", "−"), fontsize=size, **style, **where)


def _label_axes(axes: Axes, horizontal: Feature, vertical: Feature, row: int, column: int, n: int) -> None:
    """Set ticks and names on the outer axes only."""
    if row < column:
        return
    set_ticks(axes.xaxis, horizontal, max_ticks=3, size=7.5, max_letters=11, longest=_TICK_LETTERS)
    if row > column:
        set_ticks(axes.yaxis, vertical, max_ticks=3, size=7.5, longest=_TICK_LETTERS)
    if row < n - 1:
        axes.tick_params(axis="x", labelbottom=False)
    else:
        axes.set_xlabel(_wrap_name(horizontal.name), fontsize=8.5)
    if column > 0:
        axes.tick_params(axis="y", labelleft=False)
    else:
        axes.set_ylabel(_wrap_name(vertical.name), fontsize=8.5)


def _wrap_name(name: str, width: int = _NAME_LETTERS) -> str:
    """Return a long name on two lines, broken at a separator if possible, and cut where it is longer still."""
    if len(name) <= width:
        return name
    breaks = [index + 1 for index, letter in enumerate(name) if letter in "_. " and len(name) - index - 1 <= width]
    middle = min(breaks or [len(name) - width], key=lambda index: abs(index - len(name) / 2))
    return f"{cut_name(name[:middle].rstrip(), width)}\n{name[middle:]}"
