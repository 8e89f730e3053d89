"""Labels as they should be: whole numbers 0..n−1, one per image, every class there."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from metaopt.data.images import LabelArray
from metaopt.errors import UserError


def check_labels(values: npt.NDArray[Any], n: int, where: str) -> LabelArray:
    """Labels of ``n`` images as int32 ``(n,)``.

    Args:
        values: ``(n,)`` or ``(n, 1)``, of any type whose values are whole numbers.
        n: the number of images that they belong to.
        where: e.g. ``"y_train in flowers.npz"``, for messages.

    Raises:
        UserError: the shape, the length or the type is another, or a label is negative or no whole number.
    """
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        hint = " (one-hot labels become numbers by argmax(axis=1))" if values.ndim == 2 else ""
        raise UserError(f"{where} has the shape {values.shape}, but one whole number per image is needed{hint}.")
    if len(values) != n:
        raise UserError(f"{where} has {len(values):,} labels for {n:,} images; their lengths must agree.")
    if values.dtype.kind not in "iufb":
        raise UserError(
            f"{where} has the type {values.dtype}, but labels must be whole numbers 0..n−1 "
            "(names of classes go into the array classes)."
        )
    whole = values.astype(np.int64) if np.isfinite(values).all() else None
    if whole is None or (whole != values).any():
        raise UserError(f"{where} has labels that are no whole numbers; they must be 0..n−1.")
    if n and whole.min() < 0:
        raise UserError(f"{where} has the label {whole.min()}; labels must be 0..n−1.")
    if n and whole.max() > np.iinfo(np.int32).max:
        raise UserError(f"{where} has the label {whole.max()}; labels must be 0..n−1.")
    return whole.astype(np.int32)


def count_classes(labels: LabelArray, where: str, names: Sequence[str] | None = None) -> int:
    """The number of classes, all of which must occur.

    Raises:
        UserError: a class is missing, there is only one, or the names are too few.
    """
    present = np.unique(labels)
    n_classes = int(present[-1]) + 1 if len(present) else 0
    if names is not None:
        if len(names) < n_classes:
            raise UserError(f"{where} has labels up to {n_classes - 1}, but only {len(names)} names of classes.")
        n_classes = len(names)
    if len(present) < n_classes:
        raise UserError(
            f"{where} must have every label 0..{n_classes - 1}, but lacks {_missing(present, n_classes)}; "
            "number the classes without gaps."
        )
    if n_classes < 2:
        raise UserError(f"{where} has {n_classes} {'class' if n_classes == 1 else 'classes'}; at least two are needed.")
    return n_classes


def _missing(present: LabelArray, n_classes: int) -> str:
    """The first few labels that are missing; bounded work and text, for a label may be in the billions."""
    few = np.setdiff1d(np.arange(min(n_classes, len(present) + 5)), present)[:5]
    rest = n_classes - len(present) - len(few)
    return ", ".join(str(label) for label in few) + (f" and {rest:,} more" if rest else "")


def check_known(labels: LabelArray, n_classes: int, where: str) -> None:
    """Raises UserError for a label that training does not have."""
    if len(labels) and labels.max() >= n_classes:
        raise UserError(f"{where} has the label {labels.max()}, but the training labels end at {n_classes - 1}.")
