"""Records made up by the contract, of a small problem with conditional hyperparameters."""

import math
from typing import Any

import numpy as np

Record = dict[str, Any]


def make_record(trial: int, **changes: Any) -> Record:
    """A record as the study writes it, of a trial that succeeded."""
    rng = np.random.default_rng(trial)
    rate = float(np.exp(rng.uniform(math.log(1e-4), math.log(1e-1))))
    kind, second = ["max", "avg", "conv"][rng.integers(3)], rng.random() < 0.5
    point = {
        "rate": rate,
        "pool": kind,
        "use_BN": bool(rng.integers(2)),
        "extra": float(rng.uniform(0.5, 2)) if second else None,
        "block": {"kind": "residual", "units": int(rng.integers(1, 5))} if rng.random() < 0.6 else {"kind": "plain"},
        "seed_size": 3,
    }
    best = 0.9 - 0.1 * abs(math.log10(rate) + 2.5) - 0.05 * (kind == "max") + 0.01 * rng.normal()
    epochs = 12
    curve = [best * (1 - 0.6 * math.exp(-(epoch + 1) / 3)) for epoch in range(epochs)]
    record: Record = {
        "schema": 1,
        "trial": trial,
        "parent": None,
        "status": "ok",
        "loss": -max(curve),
        "objective": "val_accuracy",
        "model_based": trial >= 5,
        "imported": False,
        "space": point,
        "vals": {"learning_rate": rate, "pool": ["max", "avg", "conv"].index(kind)},
        "epochs": epochs,
        "history": {
            "val_accuracy": curve,
            "loss": [1.5 * math.exp(-epoch / 4) + 0.1 for epoch in range(epochs)],
            "train": [1.4 * math.exp(-epoch / 4) for epoch in range(epochs)],
            "val_loss": [1.4 * math.exp(-epoch / 5) + 0.02 * epoch for epoch in range(epochs)],
        },
        "best_epoch": epochs,
        "params": 100_000 + trial,
        "macs": 2_000_000,
        "feasible": True,
        "seconds": 10.0 + trial % 3,
        "ended": 12.0 * (trial + 1),
        "seed": 0,
    }
    return record | changes


def make_failure(trial: int, **changes: Any) -> Record:
    """A record of a trial that failed in its third epoch."""
    record = make_record(trial, status="fail", loss=None, error="The loss is not a number.", feasible=False)
    return {key: value for key, value in record.items() if key not in ("history", "best_epoch")} | changes
