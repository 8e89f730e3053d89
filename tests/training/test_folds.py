"""Cross-validation: all folds of a trial advance together, in one model."""

import importlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metaopt.data import DataSet
from metaopt.engine.jobs import Epoch
from metaopt.training import build_and_train
from metaopt.training.checkpoint import best_weights
from tests.training.requests import make_request
from tests.training.test_fit import same, state_of

pytestmark = pytest.mark.slow  # trains with Keras

tiny_problem = importlib.import_module("tests.training.tiny_problem")


def train(data: DataSet, directory: Path | None = None, epochs: int = 3, **run: Any) -> dict[str, Any]:
    return build_and_train(
        tiny_problem,
        run.pop("point", {}),
        data,
        epochs=epochs,
        checkpoint=directory,
        run=make_request(**{"folds": 3, **run}),
    )


def test_history_is_the_mean_of_the_folds(tiny: DataSet) -> None:
    seen: list[Epoch] = []
    record = train(tiny, report=lambda epoch: seen.append(epoch) or True)
    assert record == json.loads(json.dumps(record))
    assert [each.epoch for each in seen] == [1, 2, 3]
    for epoch, each in enumerate(seen):
        assert len(each.replicates) == 3
        for name, values in record["history"].items():
            assert values[epoch] == pytest.approx(np.mean([fold[name] for fold in each.replicates]), rel=1e-12)
    # Each has its own images and its own initial weights.
    assert len({fold["val_loss"] for fold in seen[0].replicates}) == 3
    best = record["best_epoch"] - 1
    assert record["replicates"] == [fold["val_accuracy"] for fold in seen[best].replicates]
    assert record["scores"]["best"]["val_accuracy"] == max(record["history"]["val_accuracy"]) == -record["loss"]


def test_first_fold_equals_a_training_on_its_images(tiny: DataSet) -> None:
    """The folds do not influence each other, and fold 0 draws what a training without folds draws."""
    from dataclasses import replace

    fold = tiny.folds(3)[0]
    alone = train(replace(tiny, train=fold.train, validation=fold.validation, _folds={}), folds=1)
    assert alone["replicates"] == []
    seen: list[Epoch] = []
    train(tiny, report=lambda epoch: seen.append(epoch) or True)
    for name, values in alone["history"].items():
        assert values == [each.replicates[0][name] for each in seen]


def test_all_folds_resume_from_the_checkpoint(tiny: DataSet, tmp_path: Path) -> None:
    whole = train(tiny, tmp_path / "whole", epochs=5)
    train(tiny, tmp_path / "parts", epochs=2)
    parts = train(tiny, tmp_path / "parts", epochs=5, start=2, compiled_models=None)
    assert parts["history"] == whole["history"]
    assert parts["replicates"] == whole["replicates"]
    assert same(tmp_path / "parts", tmp_path / "whole")
    first, second, third = state_of(tmp_path / "whole").folds
    assert not any((a == b).all() for a, b in zip(first, second, strict=True) if a.ndim == 4)
    assert [len(fold) for fold in best_weights(tmp_path / "whole")[1]] == [10, 10, 10]
    steps = math.ceil(160 / 50) * 5
    assert all(steps in [array for array in fold if array.shape == ()] for fold in (first, second, third))


def test_all_folds_share_one_graph(tiny: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    traced = []
    original = keras.Model.train_step

    def counted(self: Any, *args: Any, **more: Any) -> Any:
        traced.append(1)
        return original(self, *args, **more)

    if keras.backend.backend() == "torch":
        pytest.skip("torch runs every step")
    monkeypatch.setattr(keras.Model, "train_step", counted)
    train(tiny, folds=1, compiled_models=None)
    alone = len(traced)
    traced.clear()
    train(tiny, compiled_models=None)
    assert len(traced) == alone > 0


def test_divergence_of_one_fold_fails_the_trial(tiny: DataSet) -> None:
    record = train(tiny, point={"learning_rate": 1e30, "optimizer": "SGD"}, epochs=9)
    assert (record["status"], record["cause"]) == ("fail", "diverged")
    assert " of fold " in record["error"]


def test_early_stopping_follows_the_mean(tiny: DataSet) -> None:
    record = train(tiny, point={"learning_rate": 1e-30, "optimizer": "SGD"}, epochs=40, early_stopping=2)
    values = record["history"]["val_accuracy"]
    assert record["best_epoch"] == values.index(max(values)) + 1
    assert record["epochs"] == record["best_epoch"] + 2 < 40


def test_checkpoint_of_other_folds_is_not_used(tiny: DataSet, tmp_path: Path) -> None:
    train(tiny, tmp_path, epochs=1, folds=1)
    seen: list[Any] = []
    train(tiny, tmp_path, epochs=2, start=1, report=lambda message: seen.append(message) or True)
    assert seen[0].text == "The checkpoint of trial 0 belongs to other folds: it is trained again from the start."
    assert [each.epoch for each in seen[1:]] == [1, 2]
