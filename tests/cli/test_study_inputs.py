"""Problem, data and point of a study, for the commands that read it."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from metaopt.cli import study_inputs
from metaopt.cli.study_inputs import (
    point_of,
    read_point,
    require_same_network,
    some_images,
    study_data,
    study_problem,
    trained_point,
)
from metaopt.data import DataSet, DataSpec, load
from metaopt.errors import StudyMismatch, UserError
from metaopt.problems.loading import load_problem
from metaopt.spaces import compile_space
from metaopt.storage.state import StudyState
from metaopt.storage.study import Study
from metaopt.values.json_values import dump_json

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
def project(tmp_path: Path, monkeypatch) -> Path:
    """A user's folder; the current folder is another one."""
    folder = tmp_path / "project"
    (folder / "problems").mkdir(parents=True)
    (folder / "space.py").write_text(SPACE)
    (folder / "neural_net.py").write_text(NETWORK)
    (folder / "problems" / "mine.py").write_text(SPACE + NETWORK)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return folder


def study_of(folder: Path, name: str) -> Study:
    """A study that was started in the folder with this ``--space``."""
    problem = load_problem(name, folder)
    study = Study(folder / "results", StudyState())
    study.state.header = {
        "problem": {"name": name, "path": problem.path, "source": problem.source},
        "fingerprint": {"network": hashlib.sha256(problem.code.encode()).hexdigest()},
        "data": {"input_shape": [8, 8, 1], "classes": {"label": 3}},
    }
    return study


@pytest.mark.parametrize("name", ["cnn", "problems/mine.py", "flower_cnn"])
def test_a_problem_is_found_from_any_folder(project: Path, name: str) -> None:
    study = study_of(project, name)
    problem = study_problem(study)
    require_same_network(study, problem)
    assert problem.name == name
    assert problem.path == study.header["problem"]["path"]


def test_a_project_can_be_moved_as_a_whole(project: Path, tmp_path: Path) -> None:
    study = study_of(project, "cnn")
    shutil.move(project, tmp_path / "moved")
    study.folder = tmp_path / "moved" / "results"
    require_same_network(study, study_problem(study))


def test_a_study_from_python_has_no_problem_to_load() -> None:
    study = Study(Path("results"), StudyState())
    study.state.header = {"problem": {"name": "", "path": ""}}
    with pytest.raises(UserError, match="searched from Python: it has no network that can be built"):
        study_problem(study)


def test_a_missing_problem_file_is_an_error(project: Path) -> None:
    study = study_of(project, "problems/mine.py")
    shutil.rmtree(project / "problems")
    with pytest.raises(UserError, match=r"problems/mine\.py"):
        study_problem(study)


def test_a_changed_network_is_a_mismatch(project: Path) -> None:
    study = study_of(project, "cnn")
    (project / "neural_net.py").write_text(NETWORK + "\n# A comment.\n")
    require_same_network(study, study_problem(study))
    (project / "neural_net.py").write_text(NETWORK.replace(", 3)(inputs)", ", 5)(inputs)"))
    with pytest.raises(StudyMismatch, match="cnn has changed since the search"):
        study_problem(study)
    with pytest.raises(StudyMismatch, match=r"The network of .*project changed since the search"):
        require_same_network(study, study_problem(study, str(project)))


def test_a_point_is_read_from_a_point_or_a_record(tmp_path: Path) -> None:
    file = tmp_path / "point.json"
    for content in ({"filters": 3}, {"trial": 5, "space": {"filters": 3}, "loss": 0.5}):
        file.write_text(json.dumps(content))
        assert read_point(file).point == {"filters": 3}


@pytest.mark.parametrize(
    ("content", "reason"),
    [("[3]", "is not a JSON object"), ("{", "cannot be read as a point"), (None, "cannot be read as a point")],
)
def test_unreadable_points_are_errors(tmp_path: Path, content: str | None, reason: str) -> None:
    file = tmp_path / "point.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(UserError, match=rf"point\.json {reason}"):
        read_point(file)


def test_data_are_those_of_the_study(studies: Path) -> None:
    study = Study.load("tpe")
    data = study_data(study)
    assert (data.name, data.augment) == ("digits", study.settings["augment"])
    assert study_data(study, augment="flip").augment == "flip"


@pytest.mark.parametrize(
    ("stored", "given", "skips"), [(False, False, False), (True, False, True), (False, True, True)]
)
def test_broken_images_are_skipped_as_in_the_search(studies: Path, monkeypatch, stored, given, skips) -> None:
    specs = []
    monkeypatch.setattr(study_inputs, "load", lambda spec: specs.append(spec) or load(spec))
    study = Study.load("tpe")
    study.settings["skip_broken"] = stored
    study_data(study, skip_broken=given)
    assert specs[0].skip_broken == skips


def test_notes_of_the_data_are_passed_on(studies: Path, monkeypatch) -> None:
    monkeypatch.setattr(study_inputs, "load", lambda spec: replace(load(spec), notes=("3 images were dropped.",)))
    notes: list[str] = []
    study_data(Study.load("tpe"), note=notes.append)
    assert notes == ["note: 3 images were dropped."]


def test_notes_are_those_of_the_folds_of_the_study(studies: Path, monkeypatch) -> None:
    monkeypatch.setattr(DataSet, "notes_on", lambda self, folds: [f"{folds} folds"])
    study, notes = Study.load("tpe"), []
    for folds in (1, 3):
        study.settings["folds"] = folds
        study_data(study, note=notes.append)
    assert notes == ["note: 1 folds", "note: 3 folds"]


def test_changed_images_are_a_mismatch(studies: Path, monkeypatch) -> None:
    monkeypatch.setattr(study_inputs, "load", lambda spec: replace(load(spec), fingerprint="another"))
    with pytest.raises(StudyMismatch, match="The images of digits have changed since the search in tpe"):
        study_data(Study.load("tpe"))


def test_some_images_are_a_small_batch() -> None:
    images = some_images(load(DataSpec("digits")))
    assert images.shape == (16, 8, 8, 1)
    assert images.dtype == np.uint8


UNUSUAL = """
from hyperopt import hp
from metaopt.blueprint import MaxPooling2D, AveragePooling2D
space = {
    "kernel": hp.choice("kernel", [(3, 3), (5, 5)]),
    "pool": hp.choice("pool", [MaxPooling2D, AveragePooling2D]),
    "cap": hp.choice("cap", [float("inf")]),
    "filters": {1: hp.choice("f1", [4, 5])},
}
def network(point, input_shape, classes): ...
"""


def test_a_point_is_rebuilt_from_its_draw(tmp_path: Path, capsys) -> None:
    (tmp_path / "unusual.py").write_text(UNUSUAL)
    problem = load_problem(str(tmp_path / "unusual.py"))
    vals = {"kernel": 1, "pool": 0, "cap": 0, "f1": 1}
    point = trained_point(problem, vals)
    assert (point["kernel"], point["cap"], point["filters"]) == ((5, 5), float("inf"), {1: 5})
    record = tmp_path / "record.json"
    record.write_bytes(dump_json({"trial": 0, "space": point, "vals": vals}))
    assert point_of(problem, read_point(record)) == point
    assert capsys.readouterr().out == ""
    record.write_text('{"kernel": [7, 7]}')
    assert point_of(problem, read_point(record)) == {"kernel": [7, 7]}
    assert "The point is used as it is written" in capsys.readouterr().out


def test_a_changed_space_is_a_mismatch(project: Path) -> None:
    study = study_of(project, "problems/mine.py")
    problem = study_problem(study)
    study.state.header["fingerprint"]["space"] = compile_space(problem.space).digest
    require_same_network(study, problem)
    study.state.header["fingerprint"]["space"] = "another"
    with pytest.raises(StudyMismatch, match=r"The space of .*mine\.py changed since the search"):
        require_same_network(study, problem)


def test_a_file_named_by_the_journal_alone_is_not_run(project: Path, tmp_path: Path) -> None:
    study = study_of(project, "problems/mine.py")
    hostile = tmp_path / "hostile.py"
    hostile.write_text("raise SystemExit('it was run')")
    for path in (str(hostile), "../../hostile.py"):
        study.header["problem"].update(path=path)
        assert study_problem(study).path == str(project / "problems" / "mine.py")  # of the study's text
    (project / "problems" / "mine.py").write_text("raise SystemExit('it was run')")
    with pytest.raises(StudyMismatch, match="unasked, only a file with the text of the study is run"):
        study_problem(study)
    (tmp_path / "mine.py").write_text(SPACE + NETWORK)
    assert study_problem(study, str(tmp_path / "mine.py")).path == str(tmp_path / "mine.py")
