"""Kinds of targets: those that the user names, as ``age:number``, and those that an array tells."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from metaopt.errors import UserError, hint, nearest
from metaopt.outputs import KINDS
from metaopt.values.safe_text import safe_repr

LEFT_OUT = "none"
"""The kind of a column of ``labels.csv`` that is no target."""

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_NAMED = ("classes", "labels", "number", "image", LEFT_OUT)


def parse_targets(texts: Iterable[str]) -> dict[str, str]:
    """Return head → kind for texts such as ``age:number``.

    Raises:
        UserError: A text has another form, a kind is unknown, or a head is named twice.
    """
    assert set(_NAMED) == {*KINDS, LEFT_OUT}
    kinds: dict[str, str] = {}
    for text in texts:
        head, separator, kind = text.rpartition(":")
        if not separator or not head:
            raise UserError(f"Invalid value for target: {text}. Expected HEAD:KIND, e.g. age:number.", "target")
        if kind not in _NAMED:
            raise UserError(f"Invalid kind in target {text}: {kind}. {hint(kind, _NAMED)}", "target")
        if head in kinds:
            raise UserError(f"Several values for target name {head}. Expected one.", "target")
        kinds[head] = kind
    return kinds


def check_heads(wanted: Mapping[str, str], known: Sequence[str], where: str) -> None:
    """Check that every target that the user names is there.

    Raises:
        UserError: One is not; the message names the nearest, or all.
    """
    for head in wanted:
        if head not in known:
            near = nearest(head, known)
            rest = f"Did you mean {near}?" if near is not None else f"Expected one of {', '.join(known)}."
            raise UserError(f"Target {head} not found in {where}. {rest}", "target")


def check_new_heads(heads: Iterable[str], data: str) -> None:
    """Check that targets can be the names of heads: losses and layers have them, and TensorFlow accepts no others.

    Data are checked only before they are first used: earlier versions began studies with other names, which train with
    JAX and PyTorch, and such a study still loads its data.

    Args:
        heads: names of the targets.
        data: name of the data set, for the message.

    Raises:
        UserError: One cannot.
    """
    for head in heads:
        if not _NAME.fullmatch(head):
            raise UserError(
                f"Invalid name of a target in {data}: {head}. Expected the letters A to Z, digits, _ and - only. Rename"
                " its column or array."
            )


def infer_kind(values: npt.NDArray[Any]) -> str:
    """Return the kind of an array of targets: one class, several labels, numbers or images for each image.

    Args:
        values: ``(n, …)``. Floats that are whole and could be classes, 0..k−1 without gaps, count as classes.
    """
    if values.ndim > 2:
        return "image"
    if values.ndim == 2 and values.shape[1] > 1:
        is_binary = values.dtype.kind in "iufb" and bool(np.isin(values, (0, 1)).all())
        return "labels" if is_binary else "number"
    if values.dtype.kind != "f":
        return "classes"
    if not np.isfinite(values).all():
        return "number"
    present = np.unique(values)
    is_without_gaps = bool((present == np.arange(len(present))).all())
    return "classes" if is_without_gaps else "number"


def check_numbers(values: npt.NDArray[Any], n: int, where: str, names: Sequence[str]) -> npt.NDArray[np.float64]:
    """Return the numbers of ``n`` images as float64 ``(n, k)``.

    Raises:
        UserError: The shape, the length or the type is invalid, or a number is NaN or infinite.
    """
    table = _as_table(values, n, where)
    if table.dtype.kind == "U":
        raise _refuse_texts(table, where, names)
    if table.dtype.kind not in "iufb":
        raise UserError(f"Invalid type of {where}: {values.dtype}. Expected numbers.")
    table = table.astype(np.float64)
    if not (is_finite := np.isfinite(table)).all():
        row, column = np.argwhere(~is_finite)[0]
        count = int((~is_finite).sum())
        more = f" {count - 1:,} more are not finite." if count > 1 else ""
        raise UserError(
            f"Invalid number in {where}: row {row}, column {_name(names, column)} is {table[row, column]}.{more}"
            " Expected finite numbers; leave out images whose target is unknown."
        )
    return table


def _refuse_texts(table: npt.NDArray[np.str_], where: str, names: Sequence[str]) -> UserError:
    """Return the error for texts in the place of numbers, with the first one that is no number."""
    for row, column in np.ndindex(table.shape):
        try:
            float(table[row, column])
        except ValueError:
            text = safe_repr(str(table[row, column]), 40)
            return UserError(
                f"Text among the numbers of {where}: row {row}, column {_name(names, column)} is {text}. Expected"
                " numbers; leave out images whose target is unknown."
            )
    return UserError(f"Invalid type of {where}: texts. Expected numbers: convert them with astype(float).")


def check_varying(values: npt.NDArray[np.float64], where: str, names: Sequence[str]) -> None:
    """Check that no number is the same for all images.

    Raises:
        UserError: One is, so that nothing can be learnt about it.
    """
    for column in np.flatnonzero(np.ptp(values, axis=0) == 0):
        raise UserError(f"In {where} every {_name(names, int(column))} is {values[0, column]:g}. Remove it.")


def check_binary(values: npt.NDArray[Any], n: int, where: str, names: Sequence[str]) -> npt.NDArray[np.uint8]:
    """Return the labels of ``n`` images as uint8 of 0 and 1, ``(n, labels)``.

    Raises:
        UserError: The shape or the length is invalid, or a value is neither 0 nor 1.
    """
    table = _as_table(values, n, where)
    if table.dtype.kind not in "iufb":
        raise UserError(f"Invalid type of {where}: {values.dtype}. Expected 0 and 1.")
    if not (is_binary := np.isin(table, (0, 1))).all():
        row, column = np.argwhere(~is_binary)[0]
        raise UserError(
            f"Invalid label in {where}: row {row}, column {_name(names, column)} is {table[row, column]}. Expected 0"
            " or 1."
        )
    return table.astype(np.uint8)


def refuse_one_hot(values: npt.NDArray[np.uint8], where: str, head: str) -> None:
    """Refuse a matrix in which every image has exactly one label: it may be meant as one-hot classes.

    Raises:
        UserError: It is such a matrix.
    """
    if (values.sum(axis=1) == 1).all():
        raise UserError(
            f"Every row of {where} has exactly one 1. If these are classes, convert them with argmax(axis=1); if an"
            f" image may have several labels, set target to {head}:labels.",
            "target",
        )


def check_occurring(values: npt.NDArray[np.uint8], where: str, names: Sequence[str]) -> None:
    """Check that every label occurs, and none always.

    Raises:
        UserError: One does not, so that nothing can be learnt about it.
    """
    share = values.mean(axis=0)
    for column in np.flatnonzero((share == 0) | (share == 1)):
        always = "every image" if share[column] else "no image"
        raise UserError(f"In {where} {always} has the label {_name(names, int(column))}. Remove it, or add images.")


def _as_table(values: npt.NDArray[Any], n: int, where: str) -> npt.NDArray[Any]:
    table = values[:, None] if values.ndim == 1 else values
    if table.ndim != 2 or table.shape[1] == 0:
        raise UserError(f"Invalid shape of {where}: {values.shape}. Expected (n,) or (n, k).")
    if len(table) != n:
        raise UserError(f"Found {len(table):,} targets for {n:,} images in {where}. Expected one per image.")
    return table


def _name(names: Sequence[str], column: int) -> str:
    return names[column] if column < len(names) else str(column)
