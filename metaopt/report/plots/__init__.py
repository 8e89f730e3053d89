"""Figures of studies, as PNG and SVG: progress, hyperparameters, learning curves, rungs, trade-offs, comparisons."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from metaopt.report.analysis.comparison import StudyGroup
from metaopt.report.analysis.decisions import has_decisions
from metaopt.report.analysis.evolution import make_history, read_lineage
from metaopt.report.analysis.rungs import has_rungs
from metaopt.report.analysis.study_data import StudyData
from metaopt.report.analysis.truncation import truncate_study
from metaopt.report.plots.anytime import anytime_figure
from metaopt.report.plots.comparison import best_so_far_figure, evaluation_figure
from metaopt.report.plots.curves import learning_curves
from metaopt.report.plots.decisions import decisions_figure
from metaopt.report.plots.evolution import animate_evolution, draw_evolution
from metaopt.report.plots.fidelity_correlation import fidelity_correlation_figure
from metaopt.report.plots.front import front_figure
from metaopt.report.plots.hyperparameters import pairs_figure
from metaopt.report.plots.population import draw_population
from metaopt.report.plots.predictions import draw_predictions
from metaopt.report.plots.progress import progress_figure
from metaopt.report.plots.rungs import rungs_figure
from metaopt.report.plots.scatter_matrix import scatter_matrix
from metaopt.report.plots.series import Series
from metaopt.report.plots.trade_off import find_trade_offs, trade_off_figure
from metaopt.storage.study import Study

__all__ = [
    "Series",
    "anytime_figure",
    "best_so_far_figure",
    "decisions_figure",
    "draw_all",
    "draw_comparison",
    "draw_population",
    "draw_predictions",
    "draw_study_evolution",
    "evaluation_figure",
    "fidelity_correlation_figure",
    "front_figure",
    "learning_curves",
    "pairs_figure",
    "progress_figure",
    "rungs_figure",
    "scatter_matrix",
    "trade_off_figure",
]


@np.errstate(all="ignore")  # np.seterr(all="raise") in a user's code is meant for that code
def draw_all(study: StudyData, folder: Path, space: Any = None) -> list[Path]:
    """Draw every figure of a study.

    Args:
        study: the study; where no trial succeeded, the figures contain a message.
        folder: created if it is missing; images of the same names are replaced.
        space: the hyperopt expression that was searched, whose distributions tell which axes are logarithmic; or None.

    Returns:
        Paths of the PNG and CSV files; an SVG is beside each PNG.

    Raises:
        ResultsNotWritable: An image cannot be written.
    """
    names = ("progress", "anytime", "scatter_matrix", "pairs", "learning_curves")
    progress, anytime, scatter, pairs, curves = paths = [folder / f"{name}.png" for name in names]
    progress_figure(study, progress)
    anytime_figure(study, anytime)
    truncated, epochs = truncate_study(study)
    scatter_matrix(truncated, scatter, space, epochs)
    pairs_figure(truncated, pairs, space, epochs)
    learning_curves(study, curves)
    if has_rungs(study.records):
        paths += [folder / "rungs.png", folder / "rank_correlation.png"]
        rungs_figure(study, paths[-2])
        fidelity_correlation_figure(study, paths[-1])
    if has_decisions(study):
        paths.append(folder / "decisions.png")
        decisions_figure(study, paths[-1])
    if study.further_objectives:
        paths.append(folder / "front.png")
        front_figure(study, paths[-1])
    series = [Series("", [study])]
    return (
        paths + _draw_trade_offs(series, folder / "trade_off.png") + draw_population(series, folder / "population.png")
    )


def draw_study_evolution(study: Study, folder: Path) -> list[Path]:
    """Draw the history of an evolution while training as a figure and an animation; nothing for other studies.

    Args:
        study: the study.
        folder: created if it is missing; images of the same names are replaced.

    Returns:
        Paths of the PNG, which has an SVG beside it, and of the GIF.

    Raises:
        ResultsNotWritable: An image cannot be written.
    """
    found = read_lineage(study)
    if found is None or found[0].runup is None or not found[0].runup.metrics:
        return []
    history, caption = make_history(found[0]), StudyData.of(study).caption
    paths = [folder / "evolution.png", folder / "evolution.gif"]
    draw_evolution(history, paths[0], caption)
    animate_evolution(history, paths[1], caption)
    return paths


def draw_comparison(studies: Sequence[dict[str, Any]], groups: Sequence[StudyGroup], folder: Path) -> list[Path]:
    """Draw several studies together.

    Validation scores of different data sets or objectives are in separate figures.

    Args:
        studies: rows ``studies`` of ``compare``.
        groups: the same studies, grouped.
        folder: created if it is missing; images of the same names are replaced.

    Returns:
        Paths of the PNG and CSV files; an SVG is beside each PNG.

    Raises:
        ResultsNotWritable: An image cannot be written.
    """
    kinds: dict[tuple[str, str], list[StudyGroup]] = {}
    for group in groups:
        kinds.setdefault((group.first.data_fingerprint, group.first.objective.name), []).append(group)
    paths = []
    for number, alike in enumerate(kinds.values(), start=1):
        suffix = f"_{number}" if len(kinds) > 1 else ""
        series = [Series(group.label, [member.data for member in group.members]) for group in alike]
        paths.append(folder / f"best_so_far{suffix}.png")
        best_so_far_figure(series, paths[-1])
        paths += _draw_trade_offs(series, folder / f"trade_off{suffix}.png")
        with_imported = [Series(group.label, [member.all_data for member in group.members]) for group in alike]
        paths += draw_population(with_imported, folder / f"population{suffix}.png")
    if any(study["test"] for study in studies):
        paths.append(folder / "test_scores.png")
        evaluation_figure(studies, paths[-1])
    return paths


def _draw_trade_offs(series: Sequence[Series], path: Path) -> list[Path]:
    """Draw the trade-offs, if any trials differ in them."""
    if not find_trade_offs(series):
        return []
    trade_off_figure(series, path)
    return [path]
