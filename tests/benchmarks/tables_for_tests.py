"""Small tables of made-up curves for the tests of the benchmark."""

import json
from itertools import product
from pathlib import Path
from typing import Any

from hyperopt import hp

from benchmarks.peers.table_loading import load_table
from benchmarks.peers.tables import Table

EPOCHS = 9
RATES = (0.001, 0.01, 0.1)


def make_space() -> dict[str, Any]:
    return {
        "rate": hp.quniform("rate", -0.499, len(RATES) - 0.501, 1),
        "norm": hp.choice("norm", [False, True]),
        "layers": hp.choice("layers", [{"n": 1}, {"n": 2, "width": hp.choice("width", [8, 16])}]),
    }


def make_row(number: int, rate: float, norm: bool, layers: dict[str, int], seed: int = 0) -> dict[str, Any]:
    """Return a row whose final accuracy is best for the middle rate, with norm, and for more layers."""
    final = (
        0.9 - 0.3 * abs(RATES.index(rate) - 1) + 0.04 * norm + 0.02 * layers["n"] + 0.01 * (layers.get("width") == 16)
    )
    accuracy = [final * (1 - 0.5**epoch) for epoch in range(1, EPOCHS + 1)]
    return {
        "id": number,
        "config": {"rate": rate, "norm": norm, "layers": layers},
        "val_acc": accuracy,
        "val_loss": [1 - value for value in accuracy],
        "train_loss": [1 - value for value in accuracy],
        "test_acc": [value - 0.01 * (1 + seed) for value in accuracy],
        "cpu_s": [2.0] + [1.0] * (EPOCHS - 1),
        "seed": seed,
    }


def make_rows() -> list[dict[str, Any]]:
    """Return a row for each of the 18 points."""
    layers = ({"n": 1}, {"n": 2, "width": 8}, {"n": 2, "width": 16})
    return [make_row(number, *values) for number, values in enumerate(product(RATES, (False, True), layers))]


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def load_rows(folder: Path, rows: list[dict[str, Any]], complete: bool = True) -> Table:
    path = write_rows(folder / "table.jsonl", rows)
    return load_table("test", path, make_space(), ordered={"rate": RATES}, complete=complete)
