"""Settings of all tests, and the folder of real data."""

import os
import shutil
import signal
from pathlib import Path

import pytest

from metaopt.terminal import commands

# Contracts are tests in modules of another name; their assertions, too, are to show what differed.
pytest.register_assert_rewrite(*[f"tests.{room}.contract" for room in ("executors", "samplers", "schedulers")])


# A shell starts background commands with Ctrl-C ignored, which processes of the tests would inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ASSETS = Path(__file__).parent / "assets"


@pytest.fixture(autouse=True)
def _no_command_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test starts as a new process would: paths in messages are relative to its own current folder."""
    monkeypatch.setattr(commands, "_start", None)


@pytest.fixture
def studies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder, the current one, with real studies of every kind and their problem files."""
    shutil.copytree(ASSETS / "studies", tmp_path, dirs_exist_ok=True)
    for problem in ("tiny_problem.py", "tiny_keras_model.py"):
        shutil.copy(ASSETS / problem, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data beside the checkout, or the test is skipped aloud."""
    folder = Path(os.environ.get("METAOPT_SHARED", Path(__file__).parents[2] / "shared"))
    if not folder.is_dir():
        pytest.skip(f"needs the shared data folder, which is not at {folder} (set METAOPT_SHARED)")
    return folder
