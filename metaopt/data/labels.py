"""Validation of label arrays: integers 0..n−1, one per image, with no class missing."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from metaopt.data.images import LabelArray
from metaopt.errors import UserError


def check_labels(values: npt.NDArray[Any], n: int, where: str) -> LabelArray:
    """Return the labels of ``n`` images as int32 ``(n,)``.

    Args:
        values: ``(n,)`` or ``(n, 1)``, of any type whose values are integers.
        n: number of images.
        where: name of the array in messages, e.g. ``"y_train in flowers.npz"``.

    Raises:
        UserError: the shape, the length or the type is invalid, or a label is negative or not an integer.
    """
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        hint = "; convert one-hot labels with argmax(axis=1)" if values.ndim == 2 else ""
        raise UserError(f"Invalid shape of {where}: {values.shape}. Expected one integer per image{hint}.")
    if len(values) != n:
        raise UserError(f"Found {len(values):,} labels for {n:,} images in {where}. Expected one label per image.")
    if values.dtype.kind not in "iufb":
        raise UserError(
            f"Invalid type of {where}: {values.dtype}. Expected integers 0..n−1; put class names into the array"
            " classes."
        )
    whole = values.astype(np.int64) if np.isfinite(values).all() else None
    if whole is None or (whole != values).any():
        raise UserError(f"Invalid labels in {where}: some are not integers. Expected integers 0..n−1.")
    for label in (whole.min(), whole.max()) if n else ():
        if not 0 <= label <= np.iinfo(np.int32).max:
            raise UserError(f"Invalid label {label} in {where}. Expected integers 0..n−1.")
    return whole.astype(np.int32)


def count_classes(labels: LabelArray, where: str, names: Sequence[str] | None = None) -> int:
    """Return the number of classes.

    Args:
        labels: ``(n,)``.
        where: name of the array in messages.
        names: names of the classes, or None if the labels alone define them.

    Raises:
        UserError: a class has no image, there is only one class, or there are fewer names than classes.
    """
    present = np.unique(labels)
    n_classes = int(present[-1]) + 1 if len(present) else 0
    if names is not None:
        if len(names) < n_classes:
            raise UserError(
                f"Found {len(names)} class names, but labels up to {n_classes - 1} in {where}. Expected a name for"
                " each class."
            )
        n_classes = len(names)
    if len(present) < n_classes:
        raise UserError(
            f"Missing labels in {where}: {_list_missing(present, n_classes)}. Expected every label 0..{n_classes - 1};"
            " number the classes without gaps."
        )
    if n_classes < 2:
        raise UserError(
            f"Found {n_classes} {'class' if n_classes == 1 else 'classes'} in {where}. Expected at least two."
        )
    return n_classes


def _list_missing(present: LabelArray, n_classes: int) -> str:
    """Return the first few missing labels as text; the work is bounded, because a label may be in the billions."""
    few = np.setdiff1d(np.arange(min(n_classes, len(present) + 5)), present)[:5]
    rest = n_classes - len(present) - len(few)
    return ", ".join(str(label) for label in few) + (f" and {rest:,} more" if rest else "")


def check_known(labels: LabelArray, n_classes: int, where: str) -> None:
    """Check that every label occurs in the training split.

    Raises:
        UserError: a label is larger than every training label.
    """
    if len(labels) and labels.max() >= n_classes:
        raise UserError(
            f"Unknown label {labels.max()} in {where}. The labels of the training split end at {n_classes - 1}."
        )
