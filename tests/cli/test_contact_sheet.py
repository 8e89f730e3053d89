"""Contact sheets of studies and of spaces."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from metaopt.cli.contact_sheet import draw_best, draw_points
from metaopt.data import DataSpec, load
from metaopt.problems import load_problem
from metaopt.report.analysis import StudyData
from metaopt.spaces import compile_space
from metaopt.storage.study import Study
from tests.conftest import ASSETS
from tests.engine.synthetic import search

AUGMENTED = """
from metaopt import Training
from metaopt.zoo import augmentation
from tiny_problem import network
space = {"augmentation": augmentation.space()}
def training(point):
    return Training(augmentation=augmentation.policy(point["augmentation"]))
"""


@pytest.mark.slow
def test_points_of_a_space_are_drawn(tmp_path: Path) -> None:
    shutil.copy(ASSETS / "tiny_problem.py", tmp_path)
    (tmp_path / "augmented.py").write_text(AUGMENTED)
    problem, data = load_problem(str(tmp_path / "augmented.py")), load(DataSpec("digits", None, "auto"))
    space = compile_space(problem.space)
    points = [space.point(space.draw(np.random.default_rng(seed))) for seed in range(3)]
    path = draw_points(problem, data, points, tmp_path)
    assert path == tmp_path / "figures" / "contact_sheet.png"
    assert path.read_bytes().startswith(b"\x89PNG")
    assert "point 7" in path.with_suffix(".svg").read_text()
    assert draw_points(problem, data, [], tmp_path) is None


def test_a_searched_function_has_no_images(tmp_path: Path, capsys) -> None:
    study = search(tmp_path / "results", trials=2)
    assert draw_best(study, StudyData.of(study)) == []
    assert capsys.readouterr().err == ""


@pytest.mark.slow
def test_the_best_trial_of_a_study_is_drawn(studies: Path, capsys) -> None:
    study = Study.load(Path("tpe"))
    assert draw_best(study, StudyData.of(study)) == [study.folder / "figures" / "contact_sheet.png"]
    text = (study.folder / "figures" / "contact_sheet.svg").read_text()
    assert "Augmentation of trial" in text
    Path("tiny_problem.py").unlink()
    assert draw_best(study, StudyData.of(study)) == []
    note = "note: No contact sheet was drawn: tiny_problem.py has changed since the search in tpe, or is gone.\n"
    assert capsys.readouterr().err == note
