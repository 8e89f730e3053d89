"""Real searches by the commands a user types: the reference space on digits, and any Keras model on the slow path."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from metaopt.storage.results_pickle import read_trials
from metaopt.storage.study import Study

ROOT = Path(__file__).parents[2]
SLOW_PATH = """
from hyperopt import hp

space = {"layers": hp.uniformint("layers", 1, 6), "filters": hp.uniformint("filters", 2, 24)}

def build_model(point, input_shape, classes):
    import keras
    model = keras.Sequential([keras.Input(input_shape)])
    for _ in range(point["layers"]):
        model.add(keras.layers.Conv2D(point["filters"], 3, activation="relu"))
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(classes["label"], activation="softmax"))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model
"""

pytestmark = pytest.mark.slow


def command(folder: Path, *words: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(ROOT)}
    run = [sys.executable, *words]
    return subprocess.run(run, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def search(folder: Path, *flags: str) -> subprocess.CompletedProcess:
    return command(folder, str(ROOT / "hyperopt_optimize.py"), "--data", "digits", *flags)


def test_the_reference_space_from_search_to_report(tmp_path):
    done = search(tmp_path, "--trials", "2", "--epochs", "2")
    assert done.returncode == 0, done.stderr
    assert "best validation accuracy" in done.stdout
    study = Study.load(tmp_path / "results")
    assert [record["epochs"] for record in study.records] == [2, 2]
    assert set(study.best["history"]) >= {
        "loss",
        "val_accuracy",
        "val_top3",
        "val_precision",
        "val_loss",
        "val_total_loss",
    }
    assert all(study.best[key] for key in ("params", "macs", "device", "threads", "versions"))
    assert read_trials(tmp_path / "results.pkl").losses() == [record["loss"] for record in study.records]
    assert sorted(os.listdir(tmp_path / "results"))[-1].startswith("model_")

    checkpoints = [path.name for path in (tmp_path / "results" / "checkpoints").iterdir()]
    assert checkpoints == [f"{study.best['trial']:06d}"]

    again = search(tmp_path, "--epochs", "2", "--trials", "1")
    assert again.returncode == 0
    assert len(Study.load(tmp_path / "results").records) == 3
    other = search(tmp_path, "--objective", "val_loss")
    assert other.returncode == 3
    assert other.stderr.startswith("error: results holds a study of another objective")

    best = command(tmp_path, "-m", "metaopt", "best")
    assert json.loads(best.stdout)["space"] == Study.load(tmp_path / "results").best["space"]
    assert (tmp_path / "results" / "figures" / "model_best.png").stat().st_size > 10_000
    report = command(tmp_path, "-m", "metaopt", "report")
    assert report.returncode == 0
    assert all((tmp_path / line).stat().st_size > 10_000 for line in report.stdout.splitlines())


def test_any_keras_model_is_searched_with_the_guard_in_the_worker(tmp_path):
    (tmp_path / "models.py").write_text(SLOW_PATH)
    flags = ["--space", "models.py", "--trials", "3", "--epochs", "1", "--constraint", "params<=6000"]
    done = search(tmp_path, *flags, "--strategy", "random")
    assert done.returncode == 0, done.stderr
    study = Study.load(tmp_path / "results")
    assert len(study.records) == 3
    assert all(record["params"] <= 6000 and record["space"]["layers"] <= 3 for record in study.records)
    assert study.state.rejected["invalid architecture"] + study.state.rejected["params"] > 0


def test_limits_that_no_trial_keeps_end_with_the_nearest(tmp_path):
    (tmp_path / "models.py").write_text(SLOW_PATH)
    flags = ["--space", "models.py", "--trials", "1", "--epochs", "1", "--constraint", "val_accuracy>=0.9999"]
    done = search(tmp_path, *flags)
    assert done.returncode == 5
    assert "error: no trial keeps the limits; the nearest is trial" in done.stderr
    assert len(list((tmp_path / "results").glob("infeasible_*.json"))) == 1
