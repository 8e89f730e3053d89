"""``metaopt report``: the figures of a study."""

from pathlib import Path

import pytest
from hyperopt import hp

from metaopt.cli import report
from metaopt.cli.report import main
from metaopt.report.analysis import StudyData
from metaopt.spaces import Space
from tests.cli.running import run_command
from tests.engine.synthetic import search


def test_figures_are_drawn_and_their_paths_printed(tmp_path: Path, capsys) -> None:
    study = search(tmp_path / "results", trials=3, space={"x": hp.uniform("x", -1, 1), "branch": None})
    outcome = run_command(main, capsys, "--results", study.folder)
    paths = [Path(line) for line in outcome.out.splitlines()]
    assert outcome.code == 0
    assert {path.name for path in paths} >= {"progress.png", "learning_curves.png"}
    assert all(path.parent == study.folder / "figures" and path.read_bytes().startswith(b"\x89PNG") for path in paths)


@pytest.mark.parametrize(("problem", "loaded"), [("tiny_problem.py", True), ("moved.py", False)])
def test_a_study_whose_problem_is_gone_is_drawn(studies: Path, capsys, monkeypatch, problem: str, loaded: bool) -> None:
    """Its space only decides which axes are logarithmic."""
    (studies / "tiny_problem.py").rename(problem)
    spaces: list[Space | None] = []

    def draw_all(study: StudyData, folder: Path, space: Space | None) -> list[Path]:
        spaces.append(space)
        return []

    monkeypatch.setattr(report, "draw_all", draw_all)
    assert run_command(main, capsys, "--results", "tpe").code == 0
    (space,) = spaces
    assert (space is not None and "learning_rate" in space.labels) == loaded


def test_a_missing_study_is_an_error(tmp_path: Path, capsys) -> None:
    outcome = run_command(main, capsys, "--results", tmp_path / "absent")
    assert outcome.code == 2
    assert outcome.errors == [
        f"There is no study in {tmp_path / 'absent'}: run a search first, or name the folder of another one."
    ]
