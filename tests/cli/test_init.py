"""``metaopt init``: files of a new problem that are a search as they are."""

from pathlib import Path

import numpy as np
import pytest

from metaopt.cli.check import main as check
from metaopt.cli.init import KINDS, main
from metaopt.guard.problem_check import check_problem
from metaopt.problems import load_problem
from metaopt.spaces import compile_space
from tests.cli.running import run_command


@pytest.mark.parametrize("kind", KINDS)
def test_written_files_have_no_faults(tmp_path: Path, monkeypatch, capsys, kind: str) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = run_command(main, capsys, "mine", "--kind", kind)
    assert outcome.code == 0
    assert outcome.out.splitlines() == ["mine/space.py", "mine/neural_net.py", "mine/README.md"]
    problem = load_problem(str(tmp_path / "mine"))
    found = check_problem(problem)
    assert (found.faults, found.notes) == ([], [])
    assert compile_space(problem.space).vals(problem.default)
    assert all(acceptance.share == 1.0 for acceptance in found.accepted.values())


@pytest.mark.parametrize(("shape", "kind"), [((9, 8, 8, 1), "images"), ((9, 64, 1), "signals")])
def test_data_decide_the_kind(tmp_path: Path, monkeypatch, capsys, shape: tuple[int, ...], kind: str) -> None:
    monkeypatch.chdir(tmp_path)
    values = np.random.default_rng(0).integers(0, 256, shape)
    x = values.astype(np.uint8) if kind == "images" else values.astype(np.float32)
    np.savez("data.npz", x_train=x, y_train=np.arange(9) % 3)
    outcome = run_command(main, capsys, "mine", "--data", "data.npz")
    assert f"Written for {kind}." in outcome.err
    assert "search --data ../data.npz " in Path("mine/README.md").read_text()
    monkeypatch.chdir(tmp_path / "mine")
    assert run_command(check, capsys, "--data", "../data.npz").code == 0


def test_files_that_exist_are_kept(tmp_path: Path, capsys) -> None:
    (tmp_path / "README.md").write_text("mine")
    outcome = run_command(main, capsys, tmp_path)
    assert outcome.code == 2
    assert "README.md exists already, and nothing was written." in outcome.errors[0]
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


def test_a_missing_data_set_writes_nothing(tmp_path: Path, capsys) -> None:
    outcome = run_command(main, capsys, tmp_path / "mine", "--data", tmp_path / "absent")
    assert outcome.code == 2
    assert "absent does not exist" in outcome.errors[0]
    assert not (tmp_path / "mine").exists()
