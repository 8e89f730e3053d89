"""Every kind of output on digits and photographs: a search that is ended and resumed, retraining, prediction."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from metaopt.cli import predict, report, retrain, search
from metaopt.report.analysis.test_log import read_test_log
from metaopt.storage.study import Study
from metaopt.training.model_file import read_metadata
from tests.cli.running import interrupt_after_an_epoch, run_command

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("METAOPT_SHARED", ROOT.parent / "shared"))
PROBLEM = """
from hyperopt import hp
from metaopt.blueprint import Blueprint, Conv2D, Dense, Flatten, Input, MaxPooling2D
from metaopt.outputs import ImageOutput

space = {
    "filters": hp.uniformint("filters", 4, 8),
    "learning_rate": hp.loguniform("learning_rate", -6, -4),
    "batch_size": 64,
}

def network(point, input_shape, classes):
    inputs = Input(input_shape)
    x = Conv2D(point["filters"], 3, padding="same", activation="relu")(inputs)
    flat = Flatten()(MaxPooling2D(2)(x))
    return Blueprint(inputs, {
        head: Conv2D(output.channels, 3, padding="same", activation="sigmoid")(x)
        if isinstance(output, ImageOutput) else Dense(output, activation="softmax")(flat)
        for head, output in classes.items()
    })
"""
DIGITS = load_digits()
X = np.rint(DIGITS.images[:400] * (255 / 16)).astype(np.uint8)
Y = DIGITS.target[:400]
INK = DIGITS.images[:400].sum(axis=(1, 2)) / 16
TAGS = np.stack([Y % 2 == 0, Y > 4, np.isin(Y, [0, 6, 8, 9])], axis=1)


def read_photographs(n: int) -> np.ndarray:
    """Return the first images of CIFAR-10; digits where it is not there."""
    path = SHARED / "data" / "cifar10_jpeg.npz"
    if not path.exists():
        return X[:n]
    with np.load(path) as pack:
        ends, data = np.cumsum(pack["train_sizes"][:n]), pack["train_jpeg"]
        parts = [data[end - size : end] for end, size in zip(ends, pack["train_sizes"][:n], strict=True)]
    return np.stack([np.asarray(Image.open(io.BytesIO(part.tobytes()))) for part in parts])


PHOTOGRAPHS = read_photographs(300)
GAP = np.zeros(PHOTOGRAPHS.shape[:3], bool)
GAP[:, 3:6, 3:6] = True
BROKEN = np.where(GAP.reshape(*GAP.shape, *(1,) * (PHOTOGRAPHS.ndim - 3)), 0, PHOTOGRAPHS).astype(np.uint8)
ARRAYS = {
    "number": {"x_train": X, "y_train": INK},
    "labels": {"x_train": X, "y_train": TAGS, "classes": ["even", "above4", "loop"]},
    "image": {"x_train": BROKEN, "y_train": PHOTOGRAPHS, "m_train": GAP},
    "heads": {"x_train": X, "y_train": Y, "y_train_ink": INK, "y_train_tags": TAGS},
}
# Score of a trivial prediction on the test split that a trained network surpasses, and whether more is better.
TRIVIAL = {
    "number": ("test_mae", float(np.abs(INK - INK.mean()).mean()), False),
    "labels": ("test_map", float(TAGS.mean(axis=0).mean()), True),
    "image": ("test_mse", float(((PHOTOGRAPHS[GAP] / 255.0) ** 2).mean()), False),
    "heads": ("test_accuracy", 0.1, True),
}


@pytest.mark.parametrize("kind", list(ARRAYS))
def test_each_kind_is_searched_resumed_retrained_and_predicted(kind: str, capsys, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("data.npz", **ARRAYS[kind])
    Path("tiny.py").write_text(PROBLEM)
    arguments = ["--data", "data.npz", "--space", "tiny.py", "--strategy", "random", "--epochs", "6", "--trials", "2"]
    arguments += ["--folds", "1"]
    if kind == "heads":  # the others, too, would only start Keras in two more processes
        kill_after_an_epoch(arguments, tmp_path)
    else:
        interrupt_after_an_epoch(capsys, *arguments)
        arguments += ["--executor", "inline"]
    assert run_command(search.main, capsys, *arguments).code == 0
    study = Study.load(Path("results"))
    assert [trial.status for trial in study.state.trials] == ["ok", "ok"]
    assert all(len(trial.metrics) == 6 for trial in study.state.trials)

    assert run_command(retrain.main, capsys, "--epochs", "8").code == 0
    (entry,) = read_test_log(Path("results"))
    metric, trivial, is_maximised = TRIVIAL[kind]
    score = entry["scores"][metric]
    assert score["low"] <= score["value"] <= score["high"]
    assert score["value"] > trivial if is_maximised else score["value"] < trivial

    Image.fromarray(ARRAYS[kind]["x_train"][0]).save("digit.png")
    model = next((tmp_path / "results").glob("*.keras"))  # the command keeps a loaded model by its path
    outcome = run_command(predict.main, capsys, model, "digit.png", "--json")
    check_prediction(kind, json.loads(outcome.out), model)
    assert run_command(predict.main, capsys, model, "digit.png").code == 0
    assert run_command(report.main, capsys).code == 0


def kill_after_an_epoch(arguments: list[str], folder: Path) -> None:
    """Start a search and kill it as soon as its journal has an epoch."""
    command = [sys.executable, str(ROOT / "hyperopt_optimize.py"), *arguments]
    process = subprocess.Popen(command, cwd=folder, start_new_session=True, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 300
        journal = folder / "results" / "journal.jsonl"
        while not (journal.exists() and b'"epoch"' in journal.read_bytes()):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def check_prediction(kind: str, found: dict, model: Path) -> None:
    outputs = read_metadata(model).outputs
    if kind == "number":
        (number,) = found["outputs"]["label"]["numbers"].values()
        assert abs(number - INK[0]) < 3 * INK.std()
    elif kind == "labels":
        assert outputs["label"].thresholds
        assert set(found["outputs"]["label"]["probabilities"]) == {"even", "above4", "loop"}
    elif kind == "image":
        assert np.asarray(Image.open(found["outputs"]["label"]["file"])).shape == PHOTOGRAPHS.shape[1:]
    else:
        assert found["class"] in [str(digit) for digit in range(10)]
        assert set(found["outputs"]) == {"ink", "tags"}
        assert list(outputs) == ["label", "ink", "tags"]
