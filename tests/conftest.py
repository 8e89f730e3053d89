"""Settings of all tests, and the folder of real data."""

import gc
import os
import re
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from metaopt.terminal import commands

# Contracts are tests in modules of another name; their assertions, too, are to show what differed.
pytest.register_assert_rewrite(*[f"tests.{room}.contract" for room in ("executors", "samplers", "schedulers")])


# A shell starts background commands with Ctrl-C ignored, which processes of the tests would inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ASSETS = Path(__file__).parent / "assets"
# Files of few tests that take more than 20 seconds together: searches that are killed, retrained and reported.
LONG_FILES = ("cli/test_inputs.py", "cli/test_kill.py", "cli/test_outputs.py", "test_evolve_api.py")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """``-m "not slow"`` does not import files whose tests are all slow: most of them import Keras."""
    if config.option.markexpr != "not slow" or collection_path.suffix != ".py":
        return None
    text = collection_path.read_text(encoding="utf-8")
    return True if re.search(r"^pytestmark = \[?pytest\.mark\.slow\b", text, re.MULTILINE) else None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Collect garbage afterwards: imports leave none, and looking for it took a fifth of their time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


@pytest.hookimpl(trylast=True)  # after -m deselected tests
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In parallel, long files start first, then those with most slow tests: short ones at the end keep workers busy."""
    if not hasattr(config, "workerinput"):
        return
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    tests = Counter(item.path for item in items)
    folder = Path(__file__).parent
    long = {item.path for item in items if item.path.relative_to(folder).as_posix() in LONG_FILES}
    items.sort(key=lambda item: (item.path not in long, -slow[item.path], -tests[item.path], item.path))


@pytest.fixture(autouse=True, scope="module")
def _frozen_heap() -> None:
    """Objects of earlier files, of Keras above all, are left out of garbage collections: each takes 0.2 s less."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="module")
def _no_syncs(request: pytest.FixtureRequest) -> Iterator[None]:
    """Files are synced in tests/files and in processes that tests start only.

    A sync waits up to 25 ms for the disk, a search syncs a hundred times, and no test stops the machine.
    """
    with pytest.MonkeyPatch.context() as patch:
        if request.path.parent.name != "files":
            patch.setattr(os, "fsync", lambda descriptor: None)
        yield


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


@pytest.fixture
def unrendered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are drawn but not rendered, which takes most of their time: their files hold a word."""
    from metaopt.report.plots import style

    monkeypatch.setattr(style, "_render", lambda figure, kind: b"unrendered")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data beside the checkout, or the test is skipped aloud."""
    folder = Path(os.environ.get("METAOPT_SHARED", Path(__file__).parents[2] / "shared"))
    if not folder.is_dir():
        pytest.skip(f"needs the shared data folder, which is not at {folder} (set METAOPT_SHARED)")
    return folder
