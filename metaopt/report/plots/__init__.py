"""Pictures as PNG: how a search went, what its hyperparameters do, how its networks learnt, and which did best."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from metaopt.report.analysis.compared_studies import Group
from metaopt.report.analysis.rungs import has_rungs
from metaopt.report.analysis.truncation import at_equal_epochs
from metaopt.report.plots.anytime import anytime_figure
from metaopt.report.plots.comparison import best_so_far_figure, final_scores_figure
from metaopt.report.plots.curves import learning_curves
from metaopt.report.plots.fidelity_correlation import foretelling_figure
from metaopt.report.plots.hyperparameters import scatter_matrix
from metaopt.report.plots.pairs import pair_matrix
from metaopt.report.plots.population import population_figure, shows_population
from metaopt.report.plots.progress import progress_figure
from metaopt.report.plots.rungs import rungs_figure
from metaopt.report.plots.series import Series
from metaopt.report.plots.trade_off import trade_off_figure, trade_offs
from metaopt.trials.record import Record

__all__ = [
    "anytime_figure",
    "draw_all",
    "draw_comparison",
    "foretelling_figure",
    "learning_curves",
    "pair_matrix",
    "population_figure",
    "progress_figure",
    "rungs_figure",
    "scatter_matrix",
    "trade_off_figure",
]


def draw_all(records: Sequence[Record], folder: Path, space: Any = None, n_validation: int | None = None) -> list[Path]:
    """Draws every figure of a study.

    Args:
        records: in any order; where none succeeded, the pictures say so.
        folder: is made if need be; pictures of the same names are replaced.
        space: the hyperopt expression that was searched, which says where an axis is logarithmic; or None.
        n_validation: images in the validation set, for the standard error of the best; or None.

    Returns:
        The pictures' paths.

    Raises:
        ResultsNotWritable: a picture cannot be written.
    """
    names = ("progress", "anytime", "scatter_matrix", "pairs", "learning_curves")
    progress, anytime, scatter, pairs, curves = paths = [folder / f"{name}.png" for name in names]
    progress_figure(records, progress, n_validation)
    anytime_figure(records, anytime)
    compared, epochs = at_equal_epochs(records)
    scatter_matrix(compared, scatter, space, epochs)
    pair_matrix(compared, pairs, space, epochs)
    learning_curves(records, curves)
    if has_rungs(records):
        paths += [folder / "rungs.png", folder / "foretelling.png"]
        rungs_figure(records, paths[-2])
        foretelling_figure(records, paths[-1])
    return paths + _draw_series([Series("", [list(records)])], folder, "")


def draw_comparison(studies: Sequence[dict[str, Any]], groups: Sequence[Group], folder: Path) -> list[Path]:
    """Draws several studies side by side.

    Validation scores of different data sets or objectives are drawn in pictures of their own.

    Args:
        studies: rows of ``side_by_side.compare``.
        groups: the same studies, grouped.
        folder: is made if need be; pictures of the same names are replaced.

    Returns:
        The pictures' paths.

    Raises:
        ResultsNotWritable: a picture cannot be written.
    """
    kinds: dict[tuple[str, str], list[Series]] = {}
    for group in groups:
        kind = group.first.data, group.first.objective.name
        series = Series(group.label, [member.own_records for member in group.members])
        kinds.setdefault(kind, []).append(series)
    paths = []
    for number, alike in enumerate(kinds.values(), start=1):
        ending = f"_{number}" if len(kinds) > 1 else ""
        paths.append(folder / f"best_so_far{ending}.png")
        best_so_far_figure(alike, paths[-1])
        paths += _draw_series(alike, folder, ending)
    if any(study["test"] for study in studies):
        paths.append(folder / "test_scores.png")
        final_scores_figure(studies, paths[-1])
    return paths


def _draw_series(series: Sequence[Series], folder: Path, ending: str) -> list[Path]:
    """The figures that only some studies have the numbers for."""
    paths = []
    if trade_offs(record for each in series for record in each.records):
        paths.append(folder / f"trade_off{ending}.png")
        trade_off_figure(series, paths[-1])
    if shows_population(series):
        paths.append(folder / f"population{ending}.png")
        population_figure(series, paths[-1])
    return paths
