"""Rows of a table: one training each, with its learning curves."""

import gzip
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.curves import Curves
from benchmarks.peers.table_file import HEADER, parse_lines
from metaopt.errors import UserError

_CURVES = {
    "val_acc": "val_accuracy",
    "val_loss": "val_loss",
    "train_loss": "train_loss",
    "test_acc": "test_accuracy",
    "cpu_s": "seconds",
}
_LOSS_OF_DIVERGED = 20.0  # nats


@dataclass(frozen=True)
class Row:
    """One training.

    Attributes:
        id: number of its network.
        seed: of the training.
        config: its point, see docs/peers.md.
        vals: its draw, label → value; None if the row has none.
        curves: its learning curves; all rows have the same number of epochs.
        params: number of parameters; None if the row does not say it.
        macs: multiply-accumulate operations for one image; None if the row does not say it.
    """

    id: int
    seed: int
    config: Mapping[str, Any]
    vals: Mapping[str, Any] | None
    curves: Curves
    params: int | None
    macs: int | None


def read_rows(path: Path) -> list[Row]:
    """Return the rows of a file, at least one.

    Args:
        path: a ``.jsonl`` or ``.jsonl.gz`` file.

    Raises:
        UserError: the file cannot be read or has no rows; a row lacks a key, has values that are no finite numbers, or
            a curve of another length.
    """
    try:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
            rows = [row for row in parse_lines(path, lines) if HEADER not in row]
    except (OSError, EOFError) as error:
        raise UserError(f"The table {path} cannot be read: {error}") from error
    if not rows:
        raise UserError(f"The table {path} has no rows.")
    for number, row in enumerate(rows):
        missing = [key for key in ("id", "config", *_CURVES) if key not in row]
        if missing:
            raise UserError(f"{path}: row {row.get('id', number)} lacks {', '.join(missing)}.")
    found = [{key: _read_numbers(path, row, key) for key in _CURVES} for row in rows]
    epochs = _check_lengths(path, rows, found)
    return [
        Row(
            row["id"],
            row.get("seed", 0),
            row["config"],
            row.get("vals"),
            _make_curves(curves, epochs),
            row.get("params"),
            row.get("macs"),
        )
        for row, curves in zip(rows, found, strict=True)
    ]


def _read_numbers(path: Path, row: Mapping[str, Any], key: str) -> list[float]:
    try:
        values = np.array(row[key], dtype=np.float64)
    except (TypeError, ValueError):
        values = np.array(np.nan)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise UserError(f"{path}: {key} of row {row['id']} is no list of finite numbers.")
    return list(values.tolist())


def _check_lengths(
    path: Path, rows: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Sequence[float]]]
) -> int:
    """Return the number of epochs of all curves; those of trainings that diverged may be shorter.

    Raises:
        UserError: a curve has another length.
    """
    complete = [curves for row, curves in zip(rows, found, strict=True) if "diverged" not in row]
    lengths = Counter(len(values) for curves in complete or found for values in curves.values())
    epochs = max(lengths, key=lambda length: (lengths[length], length))  # that of most curves, so the others are named
    for row, curves in zip(rows, found, strict=True):
        for key, values in curves.items():
            if "diverged" not in row and len(values) != epochs:
                raise UserError(f"{path}: {key} of row {row['id']} has {len(values)} epochs. Expected {epochs}.")
            trained = len(curves["cpu_s"])
            if "diverged" in row and not len(values) == trained <= epochs:
                raise UserError(
                    f"{path}: {key} of row {row['id']}, which diverged, has {len(values)} epochs. Expected"
                    f" {min(trained, epochs)}."
                )
    return epochs


def _make_curves(found: Mapping[str, Sequence[float]], epochs: int) -> Curves:
    """Return the curves of a row; those of a training that diverged continue with an error of 1 that costs nothing."""
    worst = {"val_loss": _LOSS_OF_DIVERGED, "train_loss": _LOSS_OF_DIVERGED}
    return Curves(
        **{
            name: np.array([*found[key], *[worst.get(key, 0.0)] * (epochs - len(found[key]))])
            for key, name in _CURVES.items()
        }
    )
