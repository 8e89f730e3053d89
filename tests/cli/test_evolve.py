"""``metaopt evolve``."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metaopt.__main__ import main

QUICK = ["--cycles", "1", "--population", "2", "--runup-epochs", "1", "--final-epochs", "1", "--executor", "inline"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eighty images of 8×8 pixels whose class is their brightness."""
    rng = np.random.default_rng(0)
    labels = np.arange(80) % 2
    images = (rng.integers(0, 99, (80, 8, 8, 1)) + 100 * labels[:, None, None, None]).astype(np.uint8)
    path = tmp_path_factory.mktemp("data") / "bright.npz"
    np.savez(path, x_train=images[:60], y_train=labels[:60], x_test=images[60:], y_test=labels[60:])
    return path


@pytest.mark.slow  # trains with Keras
def test_a_keras_file_evolves(tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import keras

    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.save(tmp_path / "own.keras")
    results = tmp_path / "results"
    command = ["evolve", str(tmp_path / "own.keras"), "--data", str(data), "--results", str(results), *QUICK]
    assert main([*command, "--final-model-only", "--augment", "none"]) == 0
    assert json.loads((results / "metadata.json").read_text())["complete"]
    out = capsys.readouterr().out
    assert "cycle 1: " in out
    assert "final training: validation loss" in out
    assert all((results / name).is_file() for name in ("metadata.json", "figures/evolution.gif"))
    assert [path.name for path in (results / "models").iterdir()] == ["model_final.keras"]


@pytest.mark.slow  # trains with Keras
def test_a_network_of_the_zoo_evolves_from_a_point(tmp_path: Path, data: Path) -> None:
    point = {"stages": 1, "convolutions": 1, "filters": 8, "growth": 1.0, "skips": False, "interpolation": "nearest"}
    point |= {"dropout": 0.1, "learning_rate": 0.01, "batch_size": 16, "weight_decay": 1e-4}
    (tmp_path / "point.json").write_text(json.dumps(point))
    results = tmp_path / "results"
    command = ["evolve", "autoencoder", "--point", str(tmp_path / "point.json"), "--data", str(data), *QUICK]
    assert main([*command, "--results", str(results), "--cycles", "0"]) == 0
    configuration = json.loads((results / "metadata.json").read_text())["configuration"]
    assert (configuration["batch_size"], configuration["weight_decay"]) == (16, 1e-4)
    assert configuration["dropout_dropout_1"] == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.keras"], "There is no file"),
        (["none.keras", "--point", "point.json"], "--point has no effect on a .keras file: leave it out."),
        (["autoencoder", "--space", "problem.py"], "--space has no effect on a problem: leave it out."),
        (["autoencodr"], "autoencoder"),
        (["autoencoder", "--point", "none.json"], "none.json cannot be read as a point"),
        (["autoencoder", "--population", "1"], "Invalid value for --population: 1. Expected an integer >= 2."),
        (["autoencoder", "--mutation", "optimiser"], "Invalid value for --mutation: optimiser."),
        (["autoencoder", "--fixing-epochs", "0"], "crossover needs fixing epochs"),
        (["autoencoder", "--workers", "2", "--executor", "inline"], "The executor inline trains one trial at a time"),
    ],
)
@pytest.mark.slow  # imports Keras
def test_mistakes_are_told(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: Any
) -> None:
    given = ["--data", str(data), "--results", str(tmp_path / "results")]
    assert main(["evolve", *arguments, *given]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "results" / "journal.jsonl").exists()


@pytest.mark.slow  # imports Keras
@pytest.mark.parametrize(("option", "value"), [("--backbone", "base.keras"), ("--target", "image:reconstruction")])
def test_a_study_has_its_own_backbones_and_targets(
    studies: Path, capsys: pytest.CaptureFixture[str], option: str, value: str
) -> None:
    assert main(["evolve", str(studies / "tpe"), option, value, "--results", str(studies / "evolved")]) == 2
    assert f"{option} has no effect on a study: leave it out." in capsys.readouterr().err
    assert not (studies / "evolved").exists()
