"""``metaopt import``: all files or none, and a study only where they can be read."""

from pathlib import Path

import pytest

from metaopt.cli.import_trials import main
from metaopt.storage.study import Study
from tests.engine.synthetic import search

PROBLEM = """
from hyperopt import hp
from metaopt.blueprint import Blueprint, Dense, Flatten, Input
space = {
    "x": hp.uniform("x", -1, 1),
    "branch": hp.choice("branch", [None, {"y": hp.loguniform("y", -3, 3)}, "plain"]),
}
def network(point, input_shape, classes):
    inputs = Input(input_shape)
    return Blueprint(inputs, Dense(classes["label"])(Flatten()(inputs)))
"""


@pytest.fixture
def elsewhere(tmp_path, monkeypatch) -> Path:
    """The folder of another study of the same space."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(PROBLEM)
    search(tmp_path / "elsewhere", trials=4)
    return tmp_path / "elsewhere"


def take_in(*files) -> int:
    return main(["--data", "digits", "--space", "mine.py", *map(str, files)])


def test_trials_of_another_study_are_taken_in_once(elsewhere, capsys):
    files = sorted(elsewhere.glob("model_*.json"))
    assert take_in(*files) == 0
    assert "4 trials were imported" in capsys.readouterr().out
    study = Study.load("results")
    assert [record["imported"] for record in study.records] == [True] * 4
    assert take_in(*files) == 0
    assert "0 trials were imported" in capsys.readouterr().out
    assert len(Study.load("results").records) == 4


def test_a_file_that_cannot_be_read_leaves_no_study_behind(elsewhere, capsys):
    assert take_in(*elsewhere.glob("model_*.json"), "absent.json") == 2
    assert "absent.json cannot be read as a record" in capsys.readouterr().err
    assert not Path("results/journal.jsonl").exists()
