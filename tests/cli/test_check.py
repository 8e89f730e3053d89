"""``metaopt check``: the faults of a problem file."""

from pathlib import Path

import pytest

from metaopt.cli.check import main
from tests.cli.running import run_command

GOOD = """
from hyperopt import hp
from metaopt.blueprint import Blueprint, Dense, Flatten, Input
space = {"units": hp.uniformint("units", 1, 60)}
def network(point, input_shape, classes):
    inputs = Input(input_shape)
    x = Dense(point["units"])(Flatten()(inputs))
    return Blueprint(inputs, {head: Dense(n, activation="softmax")(x) for head, n in classes.items()})
"""


@pytest.fixture
def problem(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mine.py"
    path.write_text(GOOD)
    return path


def test_a_sound_problem_is_described(problem: Path, capsys) -> None:
    outcome = run_command(main, capsys, "mine.py")
    assert outcome.code == 0
    assert outcome.out.startswith("mine.py: 1 hyperparameter.\n")
    assert "100 % for images of 32×32×3, 10 classes" in outcome.out
    assert "search --space mine.py --dry-run` trains three networks" in outcome.out


def test_data_and_limits_are_those_of_the_user(problem: Path, capsys) -> None:
    outcome = run_command(main, capsys, "mine.py", "--data", "digits", "--constraint", "params<=100")
    assert outcome.code == 2
    assert "fault: " in outcome.err
    assert "images of 8×8×1" in outcome.err


def test_every_fault_is_told_and_counted(problem: Path, capsys) -> None:
    problem.write_text(GOOD + "default = {'units': 99}\ndefaults = {'unit': 1}\n")
    outcome = run_command(main, capsys, "mine.py")
    assert outcome.code == 2
    assert [line[:15] for line in outcome.err.splitlines()[:2]] == ["fault: default:", "fault: defaults"]
    assert outcome.errors == ["2 faults found in mine.py."]


def test_a_file_that_cannot_be_run_is_told_by_its_line(problem: Path, capsys) -> None:
    problem.write_text(GOOD.replace("hp.uniformint", "hp.uniforming"))
    outcome = run_command(main, capsys, "mine.py")
    assert outcome.code == 2
    assert outcome.errors[0].startswith("mine.py, line 4: AttributeError")


def test_a_misspelt_name_gets_a_hint(problem: Path, capsys) -> None:
    problem.write_text(GOOD.replace("def network", "def netwrok"))
    assert run_command(main, capsys, "mine.py").errors[0].endswith("Is `netwrok` meant?")


def test_an_image_size_needs_data(problem: Path, capsys) -> None:
    outcome = run_command(main, capsys, "mine.py", "--image-size", "32")
    assert (outcome.code, outcome.errors) == (2, ["--image-size needs --data: without it, typical sizes are checked."])
