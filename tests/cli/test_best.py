"""``metaopt best``: the best trial as JSON, its summary, and a drawing of its network."""

import json
from pathlib import Path

import pytest

from metaopt.cli.best import draw, main
from metaopt.errors import UserError
from metaopt.storage.study import Study
from tests.cli.running import run_command
from tests.engine.synthetic import search

SVG, PNG = b"<?xml", b"\x89PNG"


def test_stdout_is_the_best_trial_as_json(studies: Path, capsys) -> None:
    outcome = run_command(main, capsys, "--results", "tpe")
    best = Study.load("tpe").require_best()
    found = json.loads(outcome.out)
    assert (found["trial"], found["space"], found["params"]) == (best.trial, best.point, best.params)
    assert found["interval"][0] < found["score"] < found["interval"][1]
    assert f"Trial {best.trial} has the best validation accuracy: {found['score']:.4f}" in outcome.err
    assert f"{best.params:,} parameters and {best.macs:,} MACs, is drawn in tpe/figures/model_best.png" in outcome.err
    assert Path("tpe/figures/model_best.png").read_bytes().startswith(PNG)


def test_the_drawing_may_be_an_svg(studies: Path, capsys) -> None:
    assert run_command(main, capsys, "--results", "tpe", "--svg").code == 0
    assert Path("tpe/figures/model_best.svg").read_bytes().startswith(SVG)


def test_a_given_point_or_record_is_drawn(studies: Path, capsys) -> None:
    record = min(Path("tpe").glob("model_*.json"))
    Path("point.json").write_text(json.dumps(json.loads(record.read_text())["space"]))
    drawn = Path("tpe/figures", f"{record.stem}.png"), Path("tpe/figures/model_point.png")
    for given, picture in zip((record, "point.json"), drawn, strict=True):
        outcome = run_command(main, capsys, "--results", "tpe", "--point", given)
        assert (outcome.code, outcome.out) == (0, "")
        assert picture.read_bytes().startswith(PNG)


@pytest.mark.parametrize(
    ("study", "sentence"),
    [
        ("function", "No network is drawn: The study in function was searched from Python"),
        (
            "build_model",
            "tiny_keras_model.py defines Keras models without a blueprint",
        ),
    ],
)
def test_studies_without_blueprints_have_no_drawing(studies: Path, capsys, study: str, sentence: str) -> None:
    outcome = run_command(main, capsys, "--results", study)
    assert outcome.code == 0
    assert sentence in outcome.err
    assert not list(Path(study).rglob("*.png"))


def test_a_changed_network_is_not_drawn(studies: Path, capsys) -> None:
    problem = studies / "tiny_problem.py"
    problem.write_text(problem.read_text().replace("momentum=0.9", "momentum=0.8"))
    outcome = run_command(main, capsys, "--results", "tpe")
    assert outcome.code == 0
    assert json.loads(outcome.out)["space"] == Study.load("tpe").best.point
    assert "No network is drawn: The network of" in outcome.err
    assert not Path("tpe/figures").exists()


@pytest.mark.parametrize(
    ("point", "shape", "reason"), [({"filters": 2}, [2, 2, 1], "Conv2D"), ({}, [8, 8, 1], "KeyError: 'filters'")]
)
def test_points_that_do_not_fit_are_errors(studies: Path, point: dict, shape: list[int], reason: str) -> None:
    study = Study.load("tpe")
    study.header["data"]["input_shape"] = shape
    with pytest.raises(UserError, match=f"The point does not fit tiny_problem.py: .*{reason}"):
        draw(study, {**study.best.point, **point} if point else {}, studies / "best.png")


def test_studies_without_a_best_trial_exit_with_their_code(tmp_path: Path, capsys) -> None:
    search(tmp_path / "strict", trials=2, constraints=("val_accuracy>=2",))
    outcome = run_command(main, capsys, "--results", tmp_path / "strict")
    assert (outcome.code, outcome.out) == (5, "")
    assert "No trial meets the constraints. The nearest is trial" in outcome.errors[0]


def test_invalid_input_is_one_sentence(tmp_path: Path, capsys) -> None:
    (tmp_path / "list.json").write_text("[1]")
    results = ["--results", search(tmp_path / "results", trials=1).folder]
    for arguments, reason in (
        (["--results", tmp_path / "absent"], "There is no study in"),
        (
            ["--point", "point.json", "--save", "now.keras"],
            "excludes --point",
        ),
        ([*results, "--point", tmp_path / "list.json"], "list.json is not a JSON object"),
        ([*results, "--point", tmp_path / "absent.json"], "cannot be read as a point in JSON"),
    ):
        outcome = run_command(main, capsys, *arguments)
        assert (outcome.code, outcome.out, len(outcome.errors)) == (2, "", 1)
        assert reason in outcome.errors[0]
