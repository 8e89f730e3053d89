"""``metaopt retrain`` on a study that was searched for the test: two trials of a tiny network on the digits."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from metaopt.cli import study_inputs
from metaopt.cli.retrain import _refuse_without_effect, main, make_parser
from metaopt.cli.retrain_plan import BEST, CHOSEN, make_plan, whole_if_annealed
from metaopt.cli.search import main as search
from metaopt.errors import UserError
from metaopt.problems.problem import Problem
from metaopt.problems.training_config import Training
from metaopt.report.analysis.predictions import read_predictions
from metaopt.report.analysis.test_log import TEST_LOG, read_test_log
from metaopt.storage.study import Study
from metaopt.training.export import load_model, predict
from metaopt.training.model_file import read_metadata
from metaopt.trials.constraints import parse_constraints
from tests.engine.synthetic import search as synthetic_search

PROBLEM = """
from hyperopt import hp
from metaopt.blueprint import Blueprint, Dense, Flatten, Input
space = {"units": hp.uniformint("units", 4, 32), "learning_rate": 0.003, "batch_size": 100}
def network(point, input_shape, classes):
    inputs = Input(input_shape)
    x = Dense(int(point["units"]), activation="relu")(Flatten()(inputs))
    return Blueprint(inputs, {head: Dense(n, activation="softmax")(x) for head, n in classes.items()})
"""


def retrain(capsys, *arguments) -> tuple[int, str, list[str]]:
    code = main([str(argument) for argument in arguments])
    shown = capsys.readouterr()
    assert "Traceback" not in shown.err
    return code, shown.out, [line for line in shown.err.splitlines() if line.startswith("error: ")]


@pytest.fixture(scope="module")
def searched(tmp_path_factory) -> Path:
    """A folder with a study and its problem; not to be changed."""
    folder = tmp_path_factory.mktemp("searched")
    (folder / "tiny.py").write_text(PROBLEM)
    flags = ["--data", "digits", "--trials", "2", "--epochs", "3", "--executor", "inline"]
    flags += ["--constraint", "val_precision>=0.01"]
    assert search([*flags, "--space", str(folder / "tiny.py"), "--results", str(folder / "results")]) == 0
    return folder


@pytest.fixture
def results(searched, tmp_path) -> Path:
    shutil.copytree(searched / "results", tmp_path / "results")
    return tmp_path / "results"


def plan(study: Study, **given):
    return make_plan(study, **{"point_file": None, "epochs": None, "seed": None, "output": None, **given})


def test_without_options_the_best_is_trained_as_long_as_it_was_best_at(tmp_path) -> None:
    study = synthetic_search(tmp_path / "results", trials=3, seed=7)
    made = plan(study)
    assert made.point == study.best.point
    assert (made.trial, made.epochs, made.seed) == (study.best.trial, study.best.best_epoch, 7)
    assert made.output == tmp_path / "results" / BEST


def test_every_option_overrides(tmp_path) -> None:
    study = synthetic_search(tmp_path / "results", trials=3, seed=7)
    made = plan(study, epochs=2, seed=0, output=tmp_path / "mine.keras")
    assert (made.epochs, made.seed, made.output) == (2, 0, tmp_path / "mine.keras")


def test_plan_of_a_searched_point_and_of_another(tmp_path) -> None:
    study = synthetic_search(tmp_path / "results", trials=3, epochs=5)
    record, file = study.records[1], tmp_path / "point.json"
    file.write_text(json.dumps(record.to_json()))
    made = plan(study, point_file=file)
    assert (made.trial, made.name, made.epochs) == (1, "trial 1", record.best_epoch)
    assert made.output.name == CHOSEN
    file.write_text(json.dumps({"x": 0.5, "branch": None}))
    made = plan(study, point_file=file)
    assert (made.record, made.trial, made.epochs) == (None, 0, 5)


def test_an_incomplete_trial_is_retrained_to_r(tmp_path, monkeypatch) -> None:
    study = synthetic_search(tmp_path / "results", trials=3, epochs=5)
    paused = replace(study.best, complete=False, result=replace(study.best.result, best_epoch=1))
    monkeypatch.setattr(Study, "require_best", lambda self: paused)
    assert plan(study).epochs == 5


def test_budget_in_seconds_retrains_the_most_epochs_of_a_trial(tmp_path, monkeypatch) -> None:
    study = synthetic_search(tmp_path / "results", trials=3, epochs=5)
    study.settings.update(epochs=600, budget_unit="seconds")
    monkeypatch.setattr(Study, "require_best", lambda self: replace(self.best, complete=False))
    assert plan(study).epochs == 5
    problem = Problem({}, network=lambda *_: None, training=lambda point: Training(schedule="cosine"))
    assert whole_if_annealed(plan(study), problem, study).epochs == 5


@pytest.mark.parametrize(
    ("own", "of_the_study", "whole"),
    [("cosine", None, True), ("constant", None, False), ("constant", "cosine", True), ("cosine", "constant", False)],
)
def test_a_falling_learning_rate_is_retrained_to_r(tmp_path, own, of_the_study, whole) -> None:
    study = synthetic_search(tmp_path / "results", trials=3, epochs=5)
    study.settings["schedule"] = of_the_study
    made = replace(plan(study), epochs=2, reason="")
    problem = Problem({}, network=lambda *_: None, training=lambda point: Training(schedule=own))
    assert whole_if_annealed(made, problem, study).epochs == (5 if whole else 2)
    assert whole_if_annealed(made, replace(problem, network=None), study) is made
    other = replace(problem, training=lambda point: Training(schedule=point["absent"]))
    assert whole_if_annealed(made, other, study) is made


def test_no_file_of_it_sorts_after_the_records() -> None:
    assert max(BEST, CHOSEN, TEST_LOG, "logs") < "model_0.0000000000_000000.json"


def test_what_is_wrong_is_said_before_anything_is_trained(capsys, tmp_path) -> None:
    code, _, errors = retrain(capsys, "--results", tmp_path / "absent")
    assert (code, len(errors)) == (2, 1)
    study = synthetic_search(tmp_path / "results", trials=3)
    code, _, errors = retrain(capsys, "--results", study.folder, "--output", "model.h5")
    assert code == 2
    assert "ends in .keras" in errors[0]
    code, _, errors = retrain(capsys, "--results", study.folder)
    assert code == 2
    assert "searched from Python" in errors[0]
    code, _, errors = retrain(capsys, "--results", study.folder, "--mixup", "-1")
    assert "Expected a number >= 0" in errors[0]
    assert make_parser("retrain").parse_args(["--mixup", "1", "--weight-decay", "0.5"]).mixup == 1
    code, _, errors = retrain(capsys, "--results", study.folder, "--epochs", "0")
    assert code == 2


def test_flags_that_a_model_compiled_by_the_user_cannot_heed_are_refused() -> None:
    problem = Problem({}, build_model=lambda *_: None, name="own.py")
    _refuse_without_effect(problem, {"mixup": 0.2})
    _refuse_without_effect(replace(problem, network=lambda *_: None, build_model=None), {"schedule": "cosine"})
    with pytest.raises(UserError, match=r"--schedule and --weight-decay have no effect on own\.py, whose build_model"):
        _refuse_without_effect(problem, {"schedule": "cosine", "weight_decay": 0.1})


@pytest.mark.slow
def test_the_best_is_trained_saved_and_measured(capsys, results) -> None:
    code, shown, _ = retrain(capsys, "--results", results)
    assert code == 0
    assert "used for the first time" in shown
    assert "the validation accuracy of the search" in shown
    assert "constraint val_precision>=0.01 is met: test_precision is" in shown
    study = Study.load(results)
    card = read_metadata(results / BEST)
    assert card.classes == {"label": [str(digit) for digit in range(10)]}
    assert card.training["trial"] == study.best.trial
    (measured,) = read_test_log(results)
    assert measured["epochs"] == study.best.best_epoch
    assert (measured["images"], measured["test_images"]) == (1438, 359)
    assert measured["params"] == study.best.params
    assert measured["macs"] == study.best.macs
    assert measured["feasible"]
    score = measured["scores"]["test_accuracy"]
    predictions = read_predictions(results, measured["predictions"])
    assert predictions.correct().mean() == score["value"]
    assert predictions.correct(3).mean() == measured["scores"]["test_top3"]["value"]
    assert score["low"] < score["value"] < score["high"]
    assert list((results / "logs").glob("retrain-*/train/events*"))
    assert sorted(path.name for path in results.iterdir() if not path.name.startswith("."))[-1].startswith("model_")

    code, shown, _ = retrain(capsys, "--results", results)
    assert code == 0
    assert "WARNING: This study was evaluated on its test images once before" in shown
    first, second = read_test_log(results)
    assert first["scores"] == second["scores"]  # the same seed trains the same network
    assert first["predictions"]["test_set"] == second["predictions"]["test_set"]
    assert read_predictions(results, second["predictions"]) is not None


@pytest.mark.slow
def test_several_networks_are_one_model_that_averages_their_answers(capsys, results, tmp_path) -> None:
    single = [tmp_path / f"{number}.keras" for number in range(2)]
    both = tmp_path / "both.keras"
    study = Study.load(results)
    seeds = plan(study, members=2).seeds
    assert len(set(seeds)) == 2
    assert plan(study).seeds == seeds[:1]
    for seed, model in zip(seeds, single, strict=True):
        assert retrain(capsys, "--results", results, "--seed", seed, "--output", model)[0] == 0
    code, shown, _ = retrain(capsys, "--results", results, "--members", "2", "--output", both)
    assert code == 0
    assert "2 times for" in shown
    assert "network 2 of 2 · epoch" in shown
    first, second, together = read_test_log(results)
    assert together["members"] == 2
    assert together["params"] == 2 * first["params"]
    assert together["macs"] == 2 * first["macs"]
    assert together["seconds"] > max(first["seconds"], second["seconds"])
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), dtype=np.uint8)
    apart = [predict(*load_model(model), images)["label"] for model in single]
    assert predict(*load_model(both), images)["label"] == pytest.approx(np.mean(apart, axis=0), abs=1e-6)
    assert len(list((results / "logs").glob("retrain-*/network_*/train/events*"))) == 2


@pytest.mark.slow
def test_networks_that_together_break_a_limit_are_told_of_beforehand(capsys, results, tmp_path, monkeypatch) -> None:
    own = Study.load(results).best.params
    monkeypatch.setattr(Study, "constraints", property(lambda self: parse_constraints([f"params<={2 * own}"])))
    for members, told in ((2, False), (3, True)):
        flags = ["--members", members, "--epochs", 1, "--output", tmp_path / "model.keras"]
        code, shown, _ = retrain(capsys, "--results", results, *flags)
        assert code == 0
        assert (f"note: 3 networks have {3 * own:,} params together, which violates params<=" in shown) == told
        assert ("above the bound" in shown) == told


@pytest.mark.slow
def test_a_limit_that_the_final_model_breaks_is_said(capsys, results, tmp_path, monkeypatch) -> None:
    limits = ["params<=10", "val_precision>=1", "val_total_loss<=0.01", "memory<=10"]
    monkeypatch.setattr(Study, "constraints", property(lambda self: parse_constraints(limits)))
    point = tmp_path / "point.json"
    point.write_text(json.dumps({"units": 5, "learning_rate": 0.001, "batch_size": 500}))
    code, shown, _ = retrain(capsys, "--results", results, "--point", point, "--epochs", 1, "--seed", 3)
    assert code == 0
    assert "retraining a point that the search did not train for 1 epochs (as given)" in shown
    for limit in ("params<=10", "val_precision>=1", "val_total_loss<=0.01", "memory<=10"):
        assert f"constraint {limit} is VIOLATED" in shown
    assert "selected it" not in shown
    (measured,) = read_test_log(results)
    assert not measured["feasible"]
    assert measured["trial"] is None
    assert measured["seed"] == 3


@pytest.mark.slow
def test_another_data_set_or_network_is_refused(capsys, searched, results, monkeypatch) -> None:
    load = study_inputs.load
    monkeypatch.setattr(study_inputs, "load", lambda spec: replace(load(spec), fingerprint="another"))
    code, _, errors = retrain(capsys, "--results", results)
    assert code == 3
    assert "The images of digits have changed" in errors[0]
    problem = searched / "tiny.py"
    try:
        problem.write_text(PROBLEM.replace("relu", "elu"))
        code, _, errors = retrain(capsys, "--results", results)
    finally:
        problem.write_text(PROBLEM)
    assert code == 3
    assert "tiny.py has changed since the search" in errors[0]
    assert not (results / BEST).exists()


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), ("--members", "2")])
def test_a_point_of_another_space_is_refused(capsys, results, tmp_path, more) -> None:
    (tmp_path / "point.json").write_text('{"filters": 3}')
    code, _, errors = retrain(capsys, "--results", results, "--point", tmp_path / "point.json", *more)
    assert code == 2
    assert "The point does not fit" in errors[0]
    assert "'units'" in errors[0]
    assert read_test_log(results) == []
