"""Records to report on: made-up ones, and the reference's trials."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.engine.synthetic import search
from tests.report.making import Record, make_failure, make_record


@pytest.fixture
def records() -> list[Record]:
    """Forty trials: three failed, two over a limit."""
    made = [make_record(trial) for trial in range(40)]
    for trial in (3, 17, 18):
        made[trial] = make_failure(trial)
    for trial in (8, 25):
        made[trial]["feasible"] = False
    return made


@pytest.fixture(scope="session")
def rung_records(tmp_path_factory: pytest.TempPathFactory) -> list[Record]:
    """Records of a real search over rungs: all of Hyperband's brackets for R = 9 and η = 3, and the first one again."""
    return search(
        tmp_path_factory.mktemp("hyperband") / "results", scheduler="hyperband", epochs=9, trials=9 + 5 + 3 + 9
    ).records


@pytest.fixture(scope="session")
def reference_records(shared: Path) -> list[Record]:
    """The reference's 42 trials on CIFAR-100, in the names of our records."""
    names = {
        "val_fine_outputs_acc": "val_accuracy",
        "fine_outputs_acc": "accuracy",
        "val_fine_outputs_loss": "val_loss",
        "fine_outputs_loss": "train",
        "loss": "loss",
        "val_loss": "val_total_loss",
    }
    made = []
    for trial, path in enumerate(sorted((shared / "data" / "cifar100_trials").glob("*.json"))):
        old = json.loads(path.read_text())
        history = {new: old["history"][name] for name, new in names.items()}
        made.append(
            {
                "trial": trial,
                "status": old["status"],
                "loss": old["loss"],
                "objective": "val_accuracy",
                "space": old["space"],
                "vals": {},
                "history": history,
                "best_epoch": int(np.argmax(history["val_accuracy"])) + 1,
                "epochs": len(history["loss"]),
                "imported": True,
                "feasible": True,
            }
        )
    return made
