"""``metaopt best``: the best trial as JSON, its summary, and a drawing of its network."""

import json
from pathlib import Path

import pytest
from hyperopt import hp

from metaopt.blueprint import Blueprint, Conv2D, Dense, Flatten, Input
from metaopt.cli.best import draw, main
from metaopt.cli.report import main as report
from metaopt.cli.study_inputs import WrittenPoint
from metaopt.engine.setup import ImageKind
from metaopt.errors import UserError
from metaopt.problems.problem import Problem
from metaopt.storage.study import Study
from tests.cli.running import run_command
from tests.engine.synthetic import search

SVG, PNG = b"<?xml", b"\x89PNG"

# Studies of earlier versions hold no drawings.
SPACE = ("--space", "tiny_problem.py")


def test_stdout_is_the_best_trial_as_json(studies: Path, capsys) -> None:
    outcome = run_command(main, capsys, "--results", "tpe", *SPACE)
    best = Study.load("tpe").require_best()
    found = json.loads(outcome.out)
    assert (found["trial"], found["space"], found["params"]) == (best.trial, best.point, best.params)
    assert found["interval"][0] < found["score"] < found["interval"][1]
    assert f"Trial {best.trial} has the best validation accuracy: {found['score']:.4f}" in outcome.err
    assert f"{best.params:,} parameters and {best.macs:,} MACs, is drawn in tpe/figures/model_best.png" in outcome.err
    assert Path("tpe/figures/model_best.png").read_bytes().startswith(PNG)


def test_the_drawing_may_be_an_svg(studies: Path, capsys) -> None:
    assert run_command(main, capsys, "--results", "tpe", "--svg", *SPACE).code == 0
    assert Path("tpe/figures/model_best.svg").read_bytes().startswith(SVG)


def test_a_given_point_or_record_is_drawn(studies: Path, capsys) -> None:
    record = min(Path("tpe").glob("model_*.json"))
    Path("point.json").write_text(json.dumps(json.loads(record.read_text())["space"]))
    drawn = Path("tpe/figures", f"{record.stem}.png"), Path("tpe/figures/model_point.png")
    for given, picture in zip((record, "point.json"), drawn, strict=True):
        outcome = run_command(main, capsys, "--results", "tpe", "--point", given, *SPACE)
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
    outcome = run_command(main, capsys, "--results", "tpe", *SPACE)
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
    given = WrittenPoint({**study.best.point, **point} if point else {})
    with pytest.raises(UserError, match=f"The point does not fit tiny_problem.py: .*{reason}"):
        draw(study, given, studies / "best.png", "tiny_problem.py")


def test_studies_without_a_best_trial_exit_with_their_code(tmp_path: Path, capsys) -> None:
    search(tmp_path / "strict", trials=2, constraints=("val_accuracy>=2",))
    outcome = run_command(main, capsys, "--results", tmp_path / "strict")
    assert (outcome.code, outcome.out) == (5, "")
    assert "No trial meets the constraints. The nearest is trial" in outcome.errors[0]


def test_invalid_file_of_the_model_is_refused_before_any_output(tmp_path: Path, capsys) -> None:
    folder = search(tmp_path / "results", trials=1).folder
    outcome = run_command(main, capsys, "--results", folder, "--save", tmp_path / "model.h5")
    assert (outcome.code, outcome.out) == (2, "")
    assert "Expected a file name that ends in .keras" in outcome.err


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
        (
            [*results, "--point", tmp_path / "absent.json"],
            "cannot be read as a point in JSON (No such file or directory).",
        ),
    ):
        outcome = run_command(main, capsys, *arguments)
        assert (outcome.code, outcome.out, len(outcome.errors)) == (2, "", 1)
        assert reason in outcome.errors[0]


def network(point, input_shape, classes):
    inputs = Input(input_shape)
    return Blueprint(inputs, Dense(classes["label"])(Flatten()(Conv2D(1 + abs(int(9 * point["x"])), 3)(inputs))))


def searched(folder: Path) -> Study:
    """A study of a problem file that is gone."""
    space = {"x": hp.uniform("x", -1, 1), "branch": None}
    problem = Problem(space, network, path=str(folder.parent / "gone.py"), name="gone.py", source="x = 3")
    return search(folder, problem=problem, images=ImageKind((8, 8, 1), {"label": 3}), trials=3)


HOSTILE = """
raise SystemExit("the file was run")
"""


@pytest.mark.slow
def test_reading_commands_run_no_problem_file(studies: Path, capsys) -> None:
    (studies / "tiny_problem.py").write_text(HOSTILE)
    (studies / "elsewhere").mkdir()
    study = searched(studies / "elsewhere" / "mine")
    for folder in ("tpe", study.folder):
        outcome = run_command(main, capsys, "--results", folder)
        assert outcome.code == 0
    assert "is drawn in elsewhere/mine/figures/model_best.png" in outcome.err
    assert run_command(report, capsys, "--results", "tpe").code == 0


def test_a_trial_is_drawn_from_the_journal(tmp_path: Path, capsys) -> None:
    study = searched(tmp_path / "results")
    for written in (dict(study.records[0].point), study.records[1].to_json()):
        (tmp_path / "point.json").write_text(json.dumps(written))
        outcome = run_command(main, capsys, "--results", study.folder, "--point", tmp_path / "point.json", "--svg")
        assert "parameters and" in outcome.err
    (tmp_path / "point.json").write_text(json.dumps({"x": 3}))
    outcome = run_command(main, capsys, "--results", study.folder, "--point", tmp_path / "point.json")
    assert "No network is drawn" in outcome.err
