"""The best model so far, as a file, while or after a search."""

import numpy as np
import pytest

from metaopt.cli.best import main as best
from metaopt.cli.search import main as search
from metaopt.data import DataSpec, load
from metaopt.storage.study import Study
from metaopt.training.export import load_model, predict_split

pytestmark = pytest.mark.slow


SHAKEN = """
from metaopt.blueprint import Blueprint, Conv2D, Dense, Flatten, Input, ShakeDrop, ShakeShake
space = {"learning_rate": 0.003, "batch_size": 100}
def network(point, input_shape, classes):
    inputs = Input(input_shape)
    x = ShakeDrop(0.25)(ShakeShake()([Conv2D(4, 3, activation="relu")(inputs) for _ in range(2)]))
    return Blueprint(inputs, Dense(classes["label"], activation="softmax")(Flatten()(x)))
"""


@pytest.mark.parametrize(("space", "folds"), [("flower_cnn", 1), ("flower_cnn", 2), ("shaken.py", 1)])
def test_it_is_as_good_as_the_search_says(tmp_path, monkeypatch, capsys, space, folds):
    """Also where the network has layers that are not Keras', which no file may hold."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shaken.py").write_text(SHAKEN)
    results, file = str(tmp_path / "results"), tmp_path / "now.keras"
    flags = ["--data", "digits", "--space", space, "--constraint", "macs<=5e5", "--epochs", "3", "--trials", "1"]
    assert search([*flags, "--folds", str(folds), "--results", results]) == 0
    assert best(["--results", results, "--save", str(file)]) == 0
    assert "not tested" in capsys.readouterr().err

    model, card = load_model(file)
    record = Study.load(results).best
    assert card.training["epochs"] == record["best_epoch"]
    validation = load(DataSpec("digits")).folds(folds)[0].validation
    answers = predict_split(model, card, validation)["label"].argmax(axis=1)
    expected = record["replicates"][0] if folds > 1 else record["scores"]["best"]["val_accuracy"]
    assert np.mean(answers == validation.labels["label"]) == pytest.approx(expected, abs=1e-6)
    assert len(record["replicates"]) == (folds if folds > 1 else 0)

    for state in (tmp_path / "results" / "checkpoints").rglob("*.npz"):
        state.write_bytes(b"damaged")
    assert best(["--results", results, "--save", str(file)]) == 2
    assert "are damaged: train its point again with python -m metaopt retrain" in capsys.readouterr().err
