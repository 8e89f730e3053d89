"""Strategy ``auto`` on the recorded learning curves of real networks, on a virtual clock."""

import importlib
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
BUDGET = 12  # full trainings


@pytest.mark.slow
def test_auto_finds_better_networks_than_random_search(shared, monkeypatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    tabular = importlib.import_module("tabular")
    if not tabular.TABLE.is_file():
        pytest.skip(f"needs {tabular.TABLE}")
    errors = {
        name: np.mean([tabular.run(name, seed, BUDGET).error(BUDGET) for seed in range(100, 102)])
        for name in ("auto", "random")
    }
    assert errors["auto"] <= errors["random"]
