"""Pictures of a study, as PNG: how the search went, what its hyperparameters do, and how its networks learnt."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from metaopt.report.figures.curves import learning_curves
from metaopt.report.figures.hyperparameters import scatter_matrix
from metaopt.report.figures.pairs import pair_matrix
from metaopt.report.figures.progress import progress_figure
from metaopt.study.watch import Record

__all__ = ["draw_all", "learning_curves", "pair_matrix", "progress_figure", "scatter_matrix"]


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
    progress, scatter, pairs, curves = (
        folder / f"{name}.png" for name in ("progress", "scatter_matrix", "pairs", "learning_curves")
    )
    progress_figure(records, progress, n_validation)
    scatter_matrix(records, scatter, space)
    pair_matrix(records, pairs, space)
    learning_curves(records, curves)
    return [progress, scatter, pairs, curves]
