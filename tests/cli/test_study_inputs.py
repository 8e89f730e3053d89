"""Where the commands about a search find its problem again."""

import hashlib
import shutil
from pathlib import Path

import pytest

from metaopt.cli.best import draw
from metaopt.cli.best import main as best
from metaopt.cli.study_inputs import require_same_network, study_problem
from metaopt.errors import StudyMismatch, UserError
from metaopt.problems.loading import load_problem
from metaopt.storage.state import StudyState
from metaopt.storage.study import Study

SPACE = """
from hyperopt import hp
space = {"filters": hp.uniformint("filters", 1, 9)}
"""
NETWORK = """
from metaopt.blueprint import Blueprint, Conv2D, Dense, Flatten, Input
def network(point, input_shape, classes):
    inputs = Input(input_shape)
    return Blueprint(inputs, Dense(classes["label"])(Flatten()(Conv2D(int(point["filters"]), 3)(inputs))))
"""


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A folder of the user's; we are in another one."""
    folder = tmp_path / "project"
    (folder / "problems").mkdir(parents=True)
    (folder / "space.py").write_text(SPACE)
    (folder / "neural_net.py").write_text(NETWORK)
    (folder / "problems" / "mine.py").write_text(SPACE + NETWORK)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return folder


def study_of(folder: Path, name: str) -> Study:
    """A study in that folder, begun there with that ``--space``."""
    problem = load_problem(name, folder)
    study = Study(folder / "results", StudyState())
    study.state.header = {
        "problem": {"name": name, "path": problem.path},
        "fingerprint": {"network": hashlib.sha256(problem.code.encode()).hexdigest()},
        "data": {"input_shape": [8, 8, 1], "classes": {"label": 3}},
    }
    return study


@pytest.mark.parametrize("name", ["cnn", "problems/mine.py", "flower_cnn"])
def test_a_problem_is_found_from_anywhere(project, name):
    study = study_of(project, name)
    problem = study_problem(study)
    require_same_network(study, problem)
    assert problem.name == name
    assert problem.path == study.header["problem"]["path"]


def test_a_project_may_be_moved_as_a_whole(project, tmp_path):
    study = study_of(project, "cnn")
    shutil.move(project, tmp_path / "moved")
    study.folder = tmp_path / "moved" / "results"
    require_same_network(study, study_problem(study))


def test_a_network_that_has_changed_is_not_drawn_as_if_it_had_not(project, tmp_path):
    study = study_of(project, "cnn")
    picture = tmp_path / "best.png"
    (project / "neural_net.py").write_text(NETWORK.replace(", 3)(inputs)", ", 5)(inputs)"))
    with pytest.raises(StudyMismatch, match=r"The network of .*project has changed since the search"):
        require_same_network(study, study_problem(study))
    assert draw(study, {"filters": 2}, picture).startswith("No network is drawn: The network of")
    assert not picture.exists()


def test_the_weights_that_are_saved_are_the_best_trial_s(capsys):
    assert best(["--point", "point.json", "--save", "now.keras"]) == 2
    assert "--save writes the best trial's weights and excludes --point" in capsys.readouterr().err


def test_a_point_whose_network_cannot_exist_is_told(project, tmp_path):
    study = study_of(project, "cnn")
    study.header["data"]["input_shape"] = [2, 2, 1]
    with pytest.raises(UserError, match="The point does not fit cnn: "):
        draw(study, {"filters": 2}, tmp_path / "best.png")
    with pytest.raises(UserError, match="The point does not fit cnn: KeyError: 'filters'"):
        draw(study, {}, tmp_path / "best.png")
