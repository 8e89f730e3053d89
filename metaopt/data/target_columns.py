"""Targets in a column of a table of texts: their kind, and their values."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from metaopt.data.folder_walk import natural_key
from metaopt.data.target_kinds import check_occurring, check_varying
from metaopt.errors import UserError
from metaopt.outputs import ClassOutput, LabelOutput, NumberOutput, Output

SEPARATOR = ";"
"""Between several labels in one cell, e.g. ``sea;sunset``; ``-`` is a cell without labels."""

NO_LABELS = "-"
_MOST_INTEGER_CLASSES = 20
_FEWEST_PER_CLASS = 3.0  # images on average; integers with fewer are numbers
_MOSTLY = 0.5  # share of numbers from which on a text among them is an error


def read_column(
    head: str,
    cells: Sequence[str],
    lines: Sequence[int],
    is_training: npt.NDArray[np.bool_],
    kind: str | None,
    where: str,
) -> tuple[npt.NDArray[Any], Output]:
    """Return the targets in a column, and their output.

    Args:
        head: name of the column.
        cells: texts, none empty.
        lines: line of each in the file.
        is_training: whether each is of the training or the validation split, which define classes and labels.
        kind: kind of the target; None infers it, see ``infer_kind``.
        where: name of the file in messages.

    Raises:
        UserError: A cell is invalid, or there are too few classes.
    """
    match kind or infer_kind(head, cells, lines, where):
        case "number":
            numbers = [_number(cell, head, line, where) for cell, line in zip(cells, lines, strict=True)]
            values = np.array(numbers, np.float64)[:, None]
            check_varying(values, where, [head])
            return values, NumberOutput((head,))
        case "labels":
            return _labels(head, cells, lines, is_training, where)
        case _:
            return _classes(head, cells, lines, is_training, where)


def infer_kind(head: str, cells: Sequence[str], lines: Sequence[int], where: str) -> str:
    """Return the kind of a column.

    Numbers, except a few different integers, are numbers; texts of which one has a ``;`` are labels; other texts, and a
    few different integers with several images each, are classes.

    Raises:
        UserError: There is a text among numbers.
    """
    numbers = [_parse(cell) for cell in cells]
    n_numbers = sum(number is not None for number in numbers)
    if n_numbers == len(cells):
        values = np.array(numbers, np.float64)
        count = len(set(cells))
        are_few = count <= _MOST_INTEGER_CLASSES and len(cells) >= _FEWEST_PER_CLASS * count
        is_whole = bool(np.isfinite(values).all() and (values == np.rint(values)).all())
        return "classes" if is_whole and are_few and count > 1 else "number"
    if any(SEPARATOR in cell for cell in cells):
        return "labels"
    if n_numbers > _MOSTLY * len(cells):
        row = next(row for row, number in enumerate(numbers) if number is None)
        raise UserError(
            f"Text among the numbers of column {head} in {where}: {cells[row]} in line {lines[row]}. Correct it, leave"
            f" the cell empty, or set target to {head}:classes.",
            "target",
        )
    return "classes"


def _parse(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _number(cell: str, head: str, line: int, where: str) -> float:
    number = _parse(cell)
    if number is None or not np.isfinite(number):
        raise UserError(
            f"Invalid number in column {head} of {where}, line {line}: {cell}. Expected a finite number, or an empty"
            " cell where it is unknown."
        )
    return number


def _classes(
    head: str, cells: Sequence[str], lines: Sequence[int], is_training: npt.NDArray[np.bool_], where: str
) -> tuple[npt.NDArray[Any], Output]:
    counts = Counter(cell for cell, trains in zip(cells, is_training, strict=True) if trains)
    names = sorted(counts, key=natural_key)
    if len(names) < 2:
        raise UserError(f"Found one class in column {head} of {where}: {', '.join(names)}. Expected at least two.")
    if 2 * len(names) > is_training.sum() and len(names) > 2:
        raise UserError(
            f"Column {head} of {where} has {len(names):,} different texts in {int(is_training.sum()):,} rows, too many"
            f" for classes. Leave it out with the target {head}:none, or set its kind.",
            "target",
        )
    index = {name: number for number, name in enumerate(names)}
    for cell, line in zip(cells, lines, strict=True):
        if cell not in index:
            raise UserError(f"Class {cell} of column {head} in {where}, line {line}, has no training image.")
    return np.array([index[cell] for cell in cells], np.int32), ClassOutput(tuple(names))


def _labels(
    head: str, cells: Sequence[str], lines: Sequence[int], is_training: npt.NDArray[np.bool_], where: str
) -> tuple[npt.NDArray[Any], Output]:
    tags = [
        [] if cell == NO_LABELS else [tag for part in cell.split(SEPARATOR) if (tag := part.strip())] for cell in cells
    ]
    training = [tag for row, trains in zip(tags, is_training, strict=True) if trains for tag in set(row)]
    counts = Counter(training)
    names = sorted(counts, key=natural_key)
    if not names:
        raise UserError(f"Found no label in column {head} of {where}. Expected labels, e.g. sea{SEPARATOR}sunset.")
    index = {name: number for number, name in enumerate(names)}
    values = np.zeros((len(cells), len(names)), np.uint8)
    for row, (own, line) in enumerate(zip(tags, lines, strict=True)):
        for tag in own:
            if tag not in index:
                raise UserError(f"Label {tag} of column {head} in {where}, line {line}, has no training image.")
            values[row, index[tag]] = 1
    check_occurring(values[is_training], f"column {head} of {where}", names)
    return values, LabelOutput(tuple(names))
