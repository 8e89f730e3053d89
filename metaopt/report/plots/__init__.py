"""Figures of studies as PNG files: progress, hyperparameters, learning curves, rungs, trade-offs and comparisons."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from metaopt.report.analysis.comparison import StudyGroup
from metaopt.report.analysis.rungs import has_rungs
from metaopt.report.analysis.study_data import StudyData
from metaopt.report.analysis.truncation import truncate_study
from metaopt.report.plots.anytime import anytime_figure
from metaopt.report.plots.comparison import best_so_far_figure, evaluation_figure
from metaopt.report.plots.curves import learning_curves
from metaopt.report.plots.fidelity_correlation import fidelity_correlation_figure
from metaopt.report.plots.hyperparameters import scatter_matrix
from metaopt.report.plots.pairs import pair_matrix
from metaopt.report.plots.population import has_population, population_figure
from metaopt.report.plots.progress import progress_figure
from metaopt.report.plots.rungs import rungs_figure
from metaopt.report.plots.series import Series
from metaopt.report.plots.trade_off import find_trade_offs, trade_off_figure

__all__ = [
    "Series",
    "anytime_figure",
    "best_so_far_figure",
    "draw_all",
    "draw_comparison",
    "evaluation_figure",
    "fidelity_correlation_figure",
    "learning_curves",
    "pair_matrix",
    "population_figure",
    "progress_figure",
    "rungs_figure",
    "scatter_matrix",
    "trade_off_figure",
]


def draw_all(study: StudyData, folder: Path, space: Any = None) -> list[Path]:
    """Draw every figure of a study.

    Args:
        study: the study; where no trial succeeded, the figures contain a message.
        folder: created if it is missing; images of the same names are replaced.
        space: the hyperopt expression that was searched, whose distributions tell which axes are logarithmic; or None.

    Returns:
        Paths of the images.

    Raises:
        ResultsNotWritable: An image cannot be written.
    """
    names = ("progress", "anytime", "scatter_matrix", "pairs", "learning_curves")
    progress, anytime, scatter, pairs, curves = paths = [folder / f"{name}.png" for name in names]
    progress_figure(study, progress)
    anytime_figure(study, anytime)
    truncated, epochs = truncate_study(study)
    scatter_matrix(truncated, scatter, space, epochs)
    pair_matrix(truncated, pairs, space, epochs)
    learning_curves(study, curves)
    if has_rungs(study.records):
        paths += [folder / "rungs.png", folder / "foretelling.png"]
        rungs_figure(study, paths[-2])
        fidelity_correlation_figure(study, paths[-1])
    return paths + _draw_series([Series("", [study])], folder, "")


def draw_comparison(studies: Sequence[dict[str, Any]], groups: Sequence[StudyGroup], folder: Path) -> list[Path]:
    """Draw several studies together.

    Validation scores of different data sets or objectives are in separate figures.

    Args:
        studies: rows ``studies`` of ``compare``.
        groups: the same studies, grouped.
        folder: created if it is missing; images of the same names are replaced.

    Returns:
        Paths of the images.

    Raises:
        ResultsNotWritable: An image cannot be written.
    """
    kinds: dict[tuple[str, str], list[Series]] = {}
    for group in groups:
        kind = group.first.data_fingerprint, group.first.objective.name
        kinds.setdefault(kind, []).append(Series(group.label, [member.data for member in group.members]))
    paths = []
    for number, series in enumerate(kinds.values(), start=1):
        suffix = f"_{number}" if len(kinds) > 1 else ""
        paths.append(folder / f"best_so_far{suffix}.png")
        best_so_far_figure(series, paths[-1])
        paths += _draw_series(series, folder, suffix)
    if any(study["test"] for study in studies):
        paths.append(folder / "test_scores.png")
        evaluation_figure(studies, paths[-1])
    return paths


def _draw_series(series: Sequence[Series], folder: Path, suffix: str) -> list[Path]:
    """Draw the figures for which only some studies have the values."""
    paths = []
    if find_trade_offs(series):
        paths.append(folder / f"trade_off{suffix}.png")
        trade_off_figure(series, paths[-1])
    if has_population(series):
        paths.append(folder / f"population{suffix}.png")
        population_figure(series, paths[-1])
    return paths
