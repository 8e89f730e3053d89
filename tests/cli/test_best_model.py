"""Export of the best model as the search trained it, while or after a search."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from metaopt.cli.best import main as best
from metaopt.cli.best_model import save_best_model
from metaopt.cli.search import main as search
from metaopt.data import DataSpec, load
from metaopt.errors import StudyMismatch, UserError
from metaopt.storage.study import Study
from metaopt.terminal.commands import command
from metaopt.training import backend
from tests.cli.running import run_command

# Its layers are not Keras'; a file of a Keras model cannot contain them.
SHAKEN = """
from metaopt.blueprint import Blueprint, Conv2D, Dense, Flatten, Input, ShakeDrop, ShakeShake
space = {"learning_rate": 0.003, "batch_size": 100}
def network(point, input_shape, classes):
    inputs = Input(input_shape)
    x = ShakeDrop(0.25)(ShakeShake()([Conv2D(4, 3, activation="relu")(inputs) for _ in range(2)]))
    return Blueprint(inputs, Dense(classes["label"], activation="softmax")(Flatten()(x)))
"""

# Keras saves a Lambda layer, and refuses to load it again.
LAMBDA = """
space = {"rate": 0.01}
def build_model(point, input_shape, classes):
    import keras
    flat = [keras.Input(input_shape), keras.layers.Flatten(), keras.layers.Lambda(lambda x: 2 * x)]
    model = keras.Sequential([*flat, keras.layers.Dense(classes["label"], activation="softmax")])
    model.compile(keras.optimizers.Adam(point["rate"]), "sparse_categorical_crossentropy")
    return model
"""


@pytest.fixture
def _no_framework(monkeypatch) -> None:
    monkeypatch.setattr(backend, "prepare", lambda **_: pytest.fail("The framework was loaded."))


@pytest.mark.usefixtures("_no_framework")
def test_invalid_files_are_rejected_before_loading_keras(studies: Path) -> None:
    study = Study.load("tpe")
    with pytest.raises(UserError, match=r"Invalid model file: now\.h5"):
        save_best_model(study, study.require_best(), Path("now.h5"))


@pytest.mark.usefixtures("_no_framework")
def test_changed_networks_are_rejected_before_loading_keras(studies: Path) -> None:
    problem = studies / "tiny_problem.py"
    problem.write_text(problem.read_text().replace("momentum=0.9", "momentum=0.8"))
    study = Study.load("tpe")
    with pytest.raises(StudyMismatch, match="has changed since the search"):
        save_best_model(study, study.require_best(), Path("now.keras"))
    assert not Path("now.keras").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("study", "images"), [("tpe", "1,151 training images"), ("folds", "the first of 3 folds")])
def test_a_stored_study_gives_its_best_model(studies: Path, capsys, study: str, images: str) -> None:
    from metaopt.training.export import load_model

    outcome = run_command(best, capsys, "--results", study, "--save", "now.keras")
    assert outcome.code == 0
    trial = Study.load(study).require_best().trial
    assert f"now.keras: trial {trial} as the search trained it on {images}, not tested;" in outcome.err
    assert load_model(Path("now.keras"))[1].training["trial"] == trial


@pytest.mark.slow
def test_missing_weights_are_an_error(studies: Path, capsys) -> None:
    shutil.rmtree("tpe/checkpoints")
    outcome = run_command(best, capsys, "--results", "tpe", "--save", "now.keras")
    assert outcome.code == 2
    advice = command("retrain", results="tpe")
    assert outcome.errors == [f"The weights of trial 6 are gone: train its point again with `{advice}`."]
    assert not Path("now.keras").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("space", "folds"), [("flower_cnn", 1), ("flower_cnn", 2), ("shaken.py", 1)])
def test_the_exported_model_scores_as_the_search_says(tmp_path, monkeypatch, capsys, space, folds) -> None:
    from metaopt.training.export import load_model, predict_split

    monkeypatch.chdir(tmp_path)
    (tmp_path / "shaken.py").write_text(SHAKEN)
    results, file = tmp_path / "results", tmp_path / "now.keras"
    flags = ["--data", "digits", "--space", space, "--constraint", "macs<=5e5", "--epochs", "3", "--trials", "1"]
    flags += ["--executor", "inline"]
    assert run_command(search, capsys, *flags, "--folds", folds, "--results", results).code == 0
    assert "not tested" in run_command(best, capsys, "--results", results, "--save", file).err

    model, metadata = load_model(file)
    record = Study.load(results).require_best()
    assert metadata.training["epochs"] == record.best_epoch
    validation = load(DataSpec("digits")).folds(folds)[0].validation
    predicted = predict_split(model, metadata, validation)["label"].argmax(axis=1)
    expected = record.replicates[0] if folds > 1 else record["scores"]["best"]["val_accuracy"]
    assert np.mean(predicted == validation.labels["label"]) == pytest.approx(expected, abs=1e-6)
    assert len(record.replicates) == (folds if folds > 1 else 0)

    for state in (results / "checkpoints").rglob("*.npz"):
        state.write_bytes(b"damaged")
    outcome = run_command(best, capsys, "--results", results, "--save", file)
    assert outcome.code == 2
    assert f"are damaged: train its point again with `{command('retrain', results=results)}`" in outcome.errors[0]


@pytest.mark.slow
def test_a_file_that_keras_will_not_load_is_told(tmp_path: Path, monkeypatch, capsys) -> None:
    from metaopt.training.export import load_model

    monkeypatch.chdir(tmp_path)
    Path("own.py").write_text(LAMBDA)
    flags = "--data digits --space own.py --trials 1 --epochs 1 --executor inline --strategy random"
    assert run_command(search, capsys, *flags.split()).code == 0
    outcome = run_command(best, capsys, "--save", "now.keras")
    assert outcome.code == 0
    assert "WARNING: Keras will not load the file of this model again:" in outcome.err
    assert "replace a Lambda layer" in outcome.err
    with pytest.raises(UserError, match=r"Model now\.keras holds code, a Lambda layer"):
        load_model(Path("now.keras"))
