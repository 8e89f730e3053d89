"""Pairs: every hyperparameter against the objective, with its marginal effect."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from metaopt.report.analysis.features import NONE_POSITION, Feature
from metaopt.report.analysis.ranked_features import RankedFeatures, explain_no_features, rank_features
from metaopt.report.analysis.statistics import MIN_TRIALS, Effect
from metaopt.report.analysis.study_data import StudyData
from metaopt.report.analysis.trends import quartiles, running_quartiles
from metaopt.report.plots.feature_axis import axis_limits, jitter, set_ticks
from metaopt.report.plots.score_axis import ScoreAxis
from metaopt.report.plots.style import (
    GREY,
    INK,
    ORANGE,
    SEQUENTIAL,
    VERMILLION,
    add_title,
    write_message,
    write_or_explain,
)
from metaopt.trials.record import Record, best_record

# More panels than this are not readable on a page.
_MAX_PANELS = 60
# More trials than this have smaller dots, down to this area in points².
_MANY = 500
_SMALLEST_DOT = 1.5
# Letters of a panel's title, beside which is the effect, in full size and at most.
_FULL_LETTERS, _MAX_LETTERS = 19, 23


def pairs_figure(study: StudyData, path: Path, space: Any = None, epochs: int | None = None) -> None:
    """Draw every hyperparameter against the objective, with its marginal effect, the largest first.

    A running median with quartiles shows the effect of a number, median and quartiles per option that of a choice; both
    need ``MIN_TRIALS`` trials. A hyperparameter is drawn where it is active.

    Args:
        study: the study, as ``truncate_study`` returns it.
        path: the image file.
        space: the hyperopt expression that was searched, whose distributions tell which axes are logarithmic; or None.
        epochs: number of epochs that the histories are truncated to, or None.

    Raises:
        ResultsNotWritable: The file cannot be written.
    """
    ranked = rank_features(study, space)
    features, records = ranked.features[:_MAX_PANELS], ranked.records
    if records and not features:
        write_message(path, explain_no_features(ranked), study.caption)
        return
    n_columns = min(5, len(features)) or 1
    n_rows = -(-len(features) // n_columns)

    def draw(figure: Figure) -> None:
        objective = study.objective
        panels = figure.subplots(n_rows, n_columns, sharey=True, squeeze=False)
        scores = np.array([objective.value(loss) for loss in ranked.losses])
        axis = ScoreAxis.of(objective, scores)
        axis.apply(panels[0, 0], max_ticks=5)
        panels[0, 0].set_ylabel("")
        for axes, (feature, effect) in zip(panels.flat, features, strict=False):
            _draw_marginal(axes, feature, effect, records, scores, maximised=axis.maximised)
        for axes in panels.flat[len(features) :]:
            axes.set_visible(False)
        figure.supylabel(axis.label, fontsize=10)
        axis.note_outside(panels[0, 0])
        _add_colour_bar(figure, panels, records)
        text = f"Hyperparameters against the objective{truncation_text(epochs, len(records))}"
        add_title(figure, text, _explain(ranked), study.caption)

    size = (2.75 * max(n_columns, 3), 2.35 * n_rows + 1.12)
    write_or_explain(study.records, path, size, draw, caption=study.caption)


def truncation_text(epochs: int | None, n_trials: int) -> str:
    """Return the part of a title about truncated histories; empty where they are not."""
    return "" if epochs is None else f" after {epochs} epoch{'s' if epochs > 1 else ''}, {n_trials} trials"


def scatter_trials(
    axes: Axes, x: np.ndarray, y: np.ndarray, records: Sequence[Record], colour: np.ndarray, size: float = 20
) -> None:
    """Draw trials by kind: hollow where infeasible, a diamond where imported, a star for the best.

    Args:
        axes: the panel.
        x: (n,) horizontal positions, NaN where there is none.
        y: (n,) vertical positions, likewise.
        records: records of the n trials.
        colour: (n,) numbers, mapped to ``SEQUENTIAL``.
        size: size of a mark, in points².
    """
    if len(records) > _MANY:
        # In random order, as otherwise the last trials would hide the first.
        order = np.random.default_rng(0).permutation(len(records))
        x, y, colour, records = x[order], y[order], colour[order], [records[index] for index in order]
        size = max(size * (_MANY / len(records)) ** 0.5, _SMALLEST_DOT)
    norm = Normalize(np.nanmin(colour), np.nanmax(colour) + 1e-12)
    shades = matplotlib.cm.ScalarMappable(norm, SEQUENTIAL).to_rgba(colour)
    imported = np.array([record.imported for record in records])
    feasible = np.array([record.is_feasible for record in records])
    for marker, chosen in (("o", ~imported & feasible), ("D", imported & feasible)):
        axes.scatter(x[chosen], y[chosen], s=size, marker=marker, c=shades[chosen], alpha=0.8, linewidths=0, zorder=3)
    hollow: dict[str, Any] = {"facecolors": "none", "edgecolors": shades[~feasible], "linewidths": 1.0, "zorder": 3}
    axes.scatter(x[~feasible], y[~feasible], s=size, **hollow)
    mark_best(axes, x, y, records)


def mark_best(axes: Axes, x: np.ndarray, y: np.ndarray, records: Sequence[Record]) -> None:
    """Draw a star at the best trial, if there is one; ``x`` and ``y`` are the (n,) positions of the records."""
    best = best_record(records)
    chosen = np.array([record is best for record in records])
    axes.scatter(x[chosen], y[chosen], s=110, marker="*", c=ORANGE, edgecolors=INK, linewidths=0.6, zorder=6)


def _draw_marginal(
    axes: Axes, feature: Feature, effect: Effect, records: Sequence[Record], scores: np.ndarray, *, maximised: bool
) -> None:
    positions = feature.positions()
    numbers = np.array([record.trial for record in records], float)
    scatter_trials(axes, jitter(feature, positions), scores, records, numbers)
    if not effect.n_missing:
        colour = VERMILLION if effect.is_significant else GREY
        for level in range(len(feature.levels)):
            _draw_quartiles(axes, level, scores[positions == level], 0.66, colour)
        if feature.has_none:
            _draw_quartiles(axes, NONE_POSITION, scores[positions == NONE_POSITION], 0.11, colour)
        if feature.is_continuous:
            on_axis = positions >= 0
            _draw_trend(axes, positions[on_axis], scores[on_axis], colour)
    if feature.has_none:
        axes.axvline(NONE_POSITION / 2, color=GREY, linewidth=0.7, linestyle=(0, (2, 3)), zorder=1)
    axes.set_xlim(axis_limits(feature))
    set_ticks(axes.xaxis, feature, max_ticks=4)
    axes.grid(False, axis="x")
    size = 9 if len(feature.name) <= _FULL_LETTERS else 8
    axes.set_title(cut_name(feature.name, _MAX_LETTERS), loc="left", fontsize=size, fontweight="bold", color=INK)
    if not np.isnan(effect.share):
        text = f"{effect.share:.0%}" if effect.is_significant else "unclear"
        axes.set_title(text, loc="right", fontsize=9, color=VERMILLION if effect.is_significant else GREY)
    if effect.n_trials < len(records):
        note = f"active in {effect.n_trials} of {len(records)}"
        if effect.n_missing and len(records) >= MIN_TRIALS:
            note += f", {effect.n_missing} too few"
        # At the bad end, away from the best.
        y, va = (0.02, "bottom") if maximised else (0.98, "top")
        axes.annotate(note, (0.02, y), xycoords="axes fraction", ha="left", va=va, color=GREY, fontsize=7)


def _draw_quartiles(axes: Axes, position: float, scores: np.ndarray, width: float, colour: str) -> None:
    """Draw median and quartiles of one option, if it has enough trials."""
    found = quartiles(scores)
    if found is None:
        return
    low, median, high = found
    left = position - width / 2
    axes.bar(left, high - low, width, low, align="edge", color=colour, alpha=0.13, linewidth=0, zorder=1)
    axes.hlines(median, left, left + width, color=colour, linewidth=2, zorder=4)


def _draw_trend(axes: Axes, positions: np.ndarray, scores: np.ndarray, colour: str) -> None:
    """Draw a running median with quartiles, if there are enough trials."""
    trend = running_quartiles(positions, scores)
    if trend is None:
        return
    axes.fill_between(trend.at, trend.low, trend.high, color=colour, alpha=0.13, linewidth=0, zorder=1)
    axes.plot(trend.at, trend.median, color=colour, linewidth=2, zorder=4)


def _add_colour_bar(figure: Figure, panels: np.ndarray, records: Sequence[Record]) -> None:
    first, last = records[0].trial, records[-1].trial
    if first == last:
        return
    mapped = matplotlib.cm.ScalarMappable(Normalize(first, last), SEQUENTIAL)
    bar = figure.colorbar(mapped, ax=panels, aspect=45, pad=0.012, fraction=0.02)
    bar.set_label("trial", fontsize=8.5)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8)


def cut_name(name: str, most: int) -> str:
    """Return a name of at most so many letters; of a long one the start and the end, which tell names apart."""
    head = (most - 1) // 2
    return name if len(name) <= most else f"{name[:head]}…{name[head + 1 - most :]}"


def _explain(ranked: RankedFeatures) -> str:
    if ranked.n_missing:
        text = (
            f"No trends and no effects: they need {MIN_TRIALS} trials that succeeded, {ranked.n_missing} more than"
            " there are. Star: the best."
        )
    else:
        n_tests = sum(not np.isnan(effect.p_value) for _, effect in ranked.features)
        text = (
            "Per cent: share of the variance of the scores' ranks that the hyperparameter explains alone (adjusted R²),"
            f" the largest first; “unclear”: p ≥ 0.05 after Holm's correction for {n_tests} tests. Line and shade:"
            " median and quartiles. Star: the best."
        )
    if np.ptp(ranked.losses) == 0:
        text += f" All {len(ranked.losses)} trials have the same score."
    n_all = len(ranked.features)
    if n_all > _MAX_PANELS:
        which = "first" if ranked.n_missing else "largest"
        text += f" Drawn: the {_MAX_PANELS} {which} of {n_all} hyperparameters."
    return text + ranked.explain_left_out()
