"""Studies that the tests of several commands share."""

import shutil
from pathlib import Path

import pytest

ASSETS = Path(__file__).parents[1] / "assets"


@pytest.fixture
def studies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with real studies and their problem files."""
    shutil.copytree(ASSETS / "studies", tmp_path, dirs_exist_ok=True)
    for problem in ("tiny_problem.py", "tiny_keras_model.py"):
        shutil.copy(ASSETS / problem, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path
