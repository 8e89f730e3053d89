"""Limits on classes and with confidence on the digits: a search, retrainings that keep and break them, predictions."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from metaopt.cli import predict, retrain, search
from metaopt.data import DataSpec, load
from metaopt.outputs.class_output import NEVER
from metaopt.report.analysis.test_log import read_test_log
from metaopt.storage.study import Study
from metaopt.training.model_file import read_metadata
from tests.cli.running import run_command
from tests.cli.test_outputs import PROBLEM

pytestmark = pytest.mark.slow


def test_limits_are_searched_promised_tested_and_predicted(capsys, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tiny.py").write_text(PROBLEM)
    limits = ["recall[0]>=0.3@90%", "val_accuracy>=0.2@95%", "precision[0]>=0.3"]
    arguments = ["--data", "digits", "--space", "tiny.py", "--strategy", "random", "--epochs", 2, "--trials", 1]
    flags = [flag for limit in limits for flag in ("--constraint", limit)]
    assert run_command(search.main, capsys, *arguments, "--folds", 2, *flags).code == 0
    study = Study.load(Path("results"))
    (trial,) = study.state.trials
    data = load(DataSpec("digits"))
    labels = data.everything().labels["label"]
    for epoch in trial.metrics:  # numbers of images are sums over the folds
        assert (epoch["val_images[0]"], epoch["val_images"]) == ((labels == 0).sum(), len(labels))
        assert "val_predicted_0" not in epoch
    assert {*limits} <= {*study.require_best().constraints}

    # One epoch is too little to predict eights as precisely: the model abstains, which keeps the limit.
    given = ["--constraint", "precision[8]>=0.89@90%", "--constraint", "latency_ms<=10000", "--epochs", 1]
    outcome = run_command(retrain.main, capsys, *given)
    assert outcome.code == 0
    assert "precision[8]>=0.89@90% is met by abstaining only: the model never predicts class 8" in outcome.out
    assert "constraint latency_ms<=10000 is met: latency_ms is" in outcome.out
    metadata = read_metadata(Path("results/best.keras"))
    thresholds = metadata.outputs["label"].thresholds
    assert (thresholds[8], thresholds[1]) == (NEVER, 0)
    (entry,) = read_test_log(Path("results"))
    assert entry["images"] + entry["calibration"]["images"] == len(labels)
    assert entry["answered"]["label"] < len(data.test())
    assert f"{entry['answered']['label']:,} of 359 test images get an answer" in outcome.out

    # predict gives as many answers to the test images as the test counted.
    Path("digits").mkdir()
    for row in range(len(data.test())):
        Image.fromarray(data.test().batch(np.array([row]))[0][0].squeeze()).save(f"digits/{row}.png")
    shown = run_command(predict.main, capsys, "results/best.keras", "digits", "--json").out
    found = [json.loads(line)["class"] for line in shown.splitlines()]
    assert "8" not in found
    assert len(found) - found.count(None) == entry["answered"]["label"]

    # A recall of the class forbids the silence.
    outcome = run_command(retrain.main, capsys, *given, "--constraint", "recall[8]>=0.5", "--output", "broken.keras")
    assert outcome.code == 5
    assert "recall[8]>=0.5 is VIOLATED: test_recall[8] is 0 (0 of 35 images), 0.5 below the bound" in outcome.errors[0]
    assert "precision" not in outcome.errors[0]
    assert Path("broken.keras").exists()
    assert not read_test_log(Path("results"))[-1]["feasible"]
