"""``metaopt retrain``: train the best network of a stored study on all but the test images, and test it once."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from metaopt.cli import study_inputs
from metaopt.cli.retrain import main, make_parser
from metaopt.cli.retrain_checks import refuse_without_effect, warn_of_own_training
from metaopt.cli.retrain_plan import BEST, CHOSEN
from metaopt.errors import UserError
from metaopt.problems.problem import Problem
from metaopt.report.analysis.predictions import read_predictions
from metaopt.report.analysis.test_log import TEST_LOG, read_test_log
from metaopt.storage.study import Study
from metaopt.training.model_file import read_metadata
from metaopt.trials.constraints import parse_constraints
from tests.cli.running import Outcome, run_command
from tests.engine.synthetic import search
from tests.training.events import read_values

KERAS = Problem({}, build_model=lambda *_: None, name="own.py")


@pytest.fixture
def results(studies: Path) -> Path:
    """Folder of a study of eight trials that was not tested yet."""
    for name in (TEST_LOG, BEST):
        (studies / "tpe" / name).unlink()
    return Path("tpe")


def retrain(capsys, *arguments) -> Outcome:
    return run_command(main, capsys, *arguments)


def constrain(monkeypatch, *texts: str) -> None:
    """Replace the constraints of every study."""
    monkeypatch.setattr(Study, "constraints", property(lambda self: parse_constraints(texts)))


def test_invalid_input_is_one_sentence(capsys, tmp_path: Path) -> None:
    function = search(tmp_path / "function", trials=3).folder
    for arguments, reason in (
        (["--results", tmp_path / "absent"], "There is no study in"),
        (["--results", function, "--output", "model.h5"], "Expected a file name that ends in .keras"),
        (["--results", function, "--point", tmp_path / "absent.json"], "cannot be read as a point"),
        (["--results", function], "searched from Python"),
        (["--mixup", "-1"], "Invalid value for --mixup: -1. Expected a number >= 0."),
        (["--label-smoothing", "1"], "Invalid value for --label-smoothing: 1. Expected a number >= 0 and < 1."),
        (["--epochs", "0"], "Invalid value for --epochs: 0. Expected an integer >= 1."),
        (["--members", "0"], "Invalid value for --members: 0. Expected an integer >= 1."),
        (["--calibration", "1"], "Invalid value for --calibration: 1. Expected a number >= 0 and < 1."),
        (["--augment", "auto"], "Invalid value for --augment: auto."),
    ):
        outcome = retrain(capsys, *arguments)
        assert (outcome.code, outcome.out, len(outcome.errors)) == (2, "", 1)
        assert reason in outcome.errors[0]


def test_flags_of_the_recipe_are_converted() -> None:
    arguments = make_parser("retrain").parse_args(["--mixup", "1", "--weight-decay", "0.5", "--label-smoothing", "0.1"])
    assert (arguments.mixup, arguments.weight_decay, arguments.label_smoothing) == (1, 0.5, 0.1)
    assert (arguments.schedule, arguments.augment, arguments.members, arguments.mirror) == (None, None, 1, False)


def test_flags_without_effect_are_errors() -> None:
    refuse_without_effect(KERAS, {"mixup": 0.2})
    refuse_without_effect(replace(KERAS, network=lambda *_: None, build_model=None), {"schedule": "cosine"})
    with pytest.raises(UserError, match=r"--schedule and --weight-decay have no effect on own\.py, whose build_model"):
        refuse_without_effect(KERAS, {"schedule": "cosine", "weight_decay": 0.1})


def test_note_if_the_own_training_is_not_used(capsys) -> None:
    def own(point, data, *, epochs, checkpoint):
        return {}

    def passes_on(point, data, **options):
        import metaopt.training

        return metaopt.training.build_and_train(KERAS, point, data, **options)

    warn_of_own_training(replace(KERAS, build_and_train=passes_on))
    assert capsys.readouterr().out == ""
    warn_of_own_training(replace(KERAS, build_and_train=own))
    assert "The build_and_train of own.py is not used" in capsys.readouterr().out


def test_changed_images_or_networks_are_mismatches(capsys, results: Path, monkeypatch) -> None:
    load = study_inputs.load
    with monkeypatch.context() as patched:
        patched.setattr(study_inputs, "load", lambda spec: replace(load(spec), fingerprint="another"))
        outcome = retrain(capsys, "--results", results)
    assert outcome.code == 3
    assert "The images of digits have changed" in outcome.errors[0]
    problem = Path("tiny_problem.py")
    problem.write_text(problem.read_text().replace("momentum=0.9", "momentum=0.8"))
    outcome = retrain(capsys, "--results", results)
    assert outcome.code == 3
    assert "tiny_problem.py has changed since the search" in outcome.errors[0]
    assert not (results / BEST).exists()


def test_invalid_limits_on_the_model_are_refused_before_training(capsys, results: Path) -> None:
    for arguments, reason in (
        (
            ["--calibration", 0.3],
            "--calibration has no effect without --temperature, --ensemble, labels or a constraint on a class.",
        ),
        (["--constraint", "recall[8]>=0.5", "--calibration", 0], "Invalid value for --calibration: 0."),
        (["--constraint", "recall[nine]>=0.5"], "Unknown class in the constraint recall[nine]>=0.5: nine."),
        (["--ensemble", 3, "--members", 2], "--members is about one point, --ensemble about several"),
        (["--ensemble", 3, "--seeds", 2], "--seeds is about one point, --ensemble about several"),
        (["--ensemble", 1], "Invalid value for --ensemble: 1. Expected an integer >= 2."),
        (["--constraint", "val_acc>=0.5"], "Unknown metric in --constraint val_acc>=0.5"),
        (
            ["--constraint", "precision[8]>=0.95@95%"],
            "28 calibration images of class 8, even without an error: it needs",
        ),
    ):
        outcome = retrain(capsys, "--results", results, *arguments)
        assert outcome.code == 2
        assert reason in outcome.errors[0]
        assert "epoch 1" not in outcome.out
    assert not (results / BEST).exists()


@pytest.mark.slow
def test_the_best_network_is_trained_exported_and_tested(capsys, results: Path) -> None:
    shown = retrain(capsys, "--results", results).out
    study = Study.load(results)
    best = study.require_best()
    assert f"retraining trial {best.trial} for {best.best_epoch} epochs (its best epoch in the search)" in shown
    assert "on the 359 test images, used for the first time:" in shown
    assert "(the validation accuracy of the search, 0.9686, selected it and is therefore optimistic)" in shown
    assert "constraint memory<=1.0 GB is met: memory is" in shown
    assert " predict tpe/best.keras`, followed by" in shown.splitlines()[-1]
    metadata = read_metadata(results / BEST)
    assert metadata.classes == {"label": [str(digit) for digit in range(10)]}
    assert metadata.training["trial"] == best.trial
    (entry,) = read_test_log(results)
    assert (entry["epochs"], entry["images"], entry["test_images"]) == (best.best_epoch, 1438, 359)
    assert (entry["params"], entry["macs"], entry["feasible"]) == (best["params"], best["macs"], True)
    score = entry["scores"]["test_accuracy"]
    predictions = read_predictions(results, entry["predictions"])
    assert predictions.correct().mean() == score["value"]
    assert predictions.correct(3).mean() == entry["scores"]["test_top3"]["value"]
    assert score["low"] < score["value"] < score["high"]
    (log,) = (results / "logs").glob("retrain-*")
    values = read_values(log)
    assert [step for _, tag, step in values if tag == "epoch_loss"] == [*range(1, best.best_epoch + 1)]
    assert values["scalars", "test_accuracy", 0] == pytest.approx(score["value"])
    recalls = [values["scalars", f"test_label_recall/{digit}", 0] for digit in range(10)]
    table = values["text", "test_classes/label", 0].item().decode().splitlines()[2:]
    images = [int(line.split("|")[2]) for line in table]
    assert sum(images) == 359
    assert np.dot(recalls, images) / 359 == pytest.approx(score["value"])
    assert {plugin for plugin, _, _ in values} == {"scalars", "histograms", "text", "hparams"}
    assert max(path.name for path in results.iterdir()).startswith("model_")


@pytest.mark.slow
def test_a_second_test_repeats_the_first_and_warns(capsys, results: Path) -> None:
    assert retrain(capsys, "--results", results).code == 0
    shown = retrain(capsys, "--results", results).out
    assert "WARNING: This study was evaluated on its test images once before" in shown
    first, second = read_test_log(results)
    assert first["scores"] == second["scores"]  # the same seed trains the same network
    assert first["predictions"]["test_set"] == second["predictions"]["test_set"]
    assert read_predictions(results, second["predictions"]) is not None


@pytest.mark.slow
def test_members_are_counted_and_timed_together(capsys, results: Path, monkeypatch) -> None:
    best = Study.load(results).require_best()
    constrain(monkeypatch, f"params<={best['params']}")
    outcome = retrain(capsys, "--results", results, "--members", 2, "--epochs", 1)
    assert outcome.code == 5
    shown = outcome.out
    assert f"retraining trial {best.trial} 2 times for 1 epoch (as given)" in shown
    assert "note: 2 networks have 1,220 params together, which violates params<=610." in shown
    assert "network 2 of 2 · epoch 1 of 1" in shown
    assert "constraint params<=610 is VIOLATED" in shown
    (entry,) = read_test_log(results)
    assert (entry["members"], entry["params"], entry["macs"]) == (2, 2 * best["params"], 2 * best["macs"])
    assert not entry["feasible"]


@pytest.mark.slow
def test_violated_constraints_are_reported(capsys, results: Path, monkeypatch) -> None:
    constraints = ["params<=10", "val_precision>=1", "val_total_loss<=0.01", "memory<=10"]
    constrain(monkeypatch, *constraints)
    record = json.loads(max(results.glob("model_*.json")).read_text())
    Path("point.json").write_text(json.dumps({**record["space"], "filters": 2, "batch_size": 500}))
    outcome = retrain(capsys, "--results", results, "--point", "point.json", "--epochs", 1, "--seed", 3)
    shown = outcome.out
    assert outcome.code == 5
    assert all(each in outcome.errors[0] for each in constraints)  # the memory with its unit
    assert outcome.errors[0].count("is VIOLATED") == len(constraints)
    assert (results / CHOSEN).exists()
    assert "retraining a point that the search did not train for 1 epoch (as given)" in shown
    assert [line.split()[1] for line in shown.splitlines() if "is VIOLATED" in line] == constraints
    assert "optimistic" not in shown
    (entry,) = read_test_log(results)
    assert (entry["feasible"], entry["trial"], entry["seed"]) == (False, None, 3)


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), ("--members", "2")])
def test_a_point_of_another_space_is_an_error(capsys, results: Path, more: tuple[str, ...]) -> None:
    Path("point.json").write_text('{"units": 3}')
    outcome = retrain(capsys, "--results", results, "--point", "point.json", *more)
    assert outcome.code == 2
    assert "The point does not fit" in outcome.errors[0]
    assert "KeyError: 'optimizer'" in outcome.errors[0]
    assert read_test_log(results) == []


@pytest.mark.slow
def test_seeds_are_trained_and_their_spread_is_told(capsys, results: Path) -> None:
    outcome = retrain(capsys, "--results", results, "--seeds", 2, "--epochs", 1)
    assert outcome.code == 0
    assert "training 2 of 2 · epoch 1 of 1" in outcome.out
    assert "over 2 trainings with different seeds, mean ± standard deviation" in outcome.out
    (entry,) = read_test_log(results)
    values = [each["scores"]["test_accuracy"] for each in entry["seeds"]]
    assert values[0] == entry["scores"]["test_accuracy"]["value"]
    assert entry["over_seeds"]["test_accuracy"]["mean"] == pytest.approx(np.mean(values))
    assert entry["seeds"][0]["seed"] != entry["seeds"][1]["seed"]
    card = (results / "best_card" / "README.md").read_text()
    assert "Over 2 trainings that differ in their seed" in card
    names = {path.name for path in (results / "best_card").iterdir() if path.suffix == ".png"}
    assert names == {"predictions_label.png", "reliability.png", "most_wrong_label.png"}
    assert all(f"]({name})" in card for name in names)


@pytest.mark.slow
def test_an_ensemble_is_selected_calibrated_and_tested(capsys, results: Path) -> None:
    outcome = retrain(capsys, "--results", results, "--ensemble", 2, "--temperature", "--epochs", 2)
    assert outcome.code == 0
    assert "candidate 2 of 2, trial" in outcome.out
    assert "temperature of label: " in outcome.out
    (entry,) = read_test_log(results)
    metadata = read_metadata(results / BEST)
    members = metadata.training["ensemble"]
    assert 1 <= len(members) <= 2
    assert f"ensemble of {len(members)} network" in outcome.out
    assert entry["temperature"]["values"]["label"] > 0
    assert entry["temperature"]["images"] == 1438 - entry["images"]
    study = Study.load(results)
    assert {each["trial"] for each in members} <= {record.trial for record in study.records}
    assert entry["params"] >= min(record["params"] for record in study.records if record.is_eligible)
