"""``metaopt report``: the figures of a study."""

from pathlib import Path

import pytest
from hyperopt import hp

from metaopt.cli.report import main
from tests.cli.running import run_command
from tests.engine.synthetic import search


def test_figures_are_drawn_and_their_paths_printed(tmp_path: Path, capsys) -> None:
    study = search(tmp_path / "results", trials=3, space={"x": hp.uniform("x", -1, 1), "branch": None})
    outcome = run_command(main, capsys, "--results", study.folder)
    paths = [Path(line) for line in outcome.out.splitlines()]
    assert outcome.code == 0
    assert {path.name for path in paths} >= {"progress.png", "learning_curves.png"}
    assert all(path.parent == study.folder / "figures" and path.read_bytes().startswith(b"\x89PNG") for path in paths)


@pytest.mark.slow
def test_decisions_of_auto_are_drawn_and_told(tmp_path: Path, capsys) -> None:
    study = search(tmp_path / "results", trials=6, epochs=3, sampler="auto", scheduler="auto")
    outcome = run_command(main, capsys, "--results", study.folder)
    assert outcome.code == 0
    assert (study.folder / "figures" / "decisions.png").read_bytes().startswith(b"\x89PNG")
    assert all(line.startswith(str(tmp_path)) for line in outcome.out.splitlines())
    assert "auto trained " in outcome.err
    assert "The best trials:" in outcome.err


def test_a_missing_study_is_an_error(tmp_path: Path, capsys) -> None:
    outcome = run_command(main, capsys, "--results", tmp_path / "absent")
    assert outcome.code == 2
    assert outcome.errors == [
        f"There is no study in {tmp_path / 'absent'}: run a search first, or name the folder of another one."
    ]
