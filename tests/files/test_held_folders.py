"""Temporary folders that exist as long as a process holds them."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from metaopt.files.held_folders import discard, hold, lasting, make_temporary, release, remove_unused

ROOT = Path(__file__).parents[2]
GUARDED = "from metaopt.executors.descendants import Guardian; guardian = Guardian('none'); "
HOLDER = "import sys; from metaopt.files.held_folders import hold; print(hold('a'), flush=True); sys.stdin.read()"


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


@pytest.fixture
def holder(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the folder a."""
    command = [sys.executable, "-c", getattr(request, "param", "") + HOLDER]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_a_released_folder_is_removed(temporary: Path) -> None:
    folder = hold("a")
    (folder / "file").write_text("x")
    assert hold("a") == folder
    remove_unused()
    assert folder.is_dir()
    release(folder)
    assert list(temporary.iterdir()) == []


def test_a_lasting_folder_stays(temporary: Path) -> None:
    folder = lasting("programs")
    (folder / "file").write_text("x")
    release(hold("a"))
    remove_unused()
    assert lasting("programs") == folder
    assert (folder / "file").read_text() == "x"
    assert [path.stat().st_mode & 0o777 for path in (folder, folder.parent)] == [0o700, 0o700]


def test_a_folder_that_others_may_write_to_is_refused(temporary: Path) -> None:
    lasting("programs").parent.chmod(0o777)
    with pytest.raises(PermissionError, match="not a private folder"):
        lasting("programs")


def test_a_folder_stays_while_another_process_holds_it(holder: subprocess.Popen[str]) -> None:
    folder = hold("a")
    release(folder)
    assert folder.is_dir()
    holder.kill()
    holder.wait()
    remove_unused()
    assert not folder.exists()


def test_a_temporary_folder_of_a_killed_process_is_removed_by_the_next(temporary: Path) -> None:
    code = "from metaopt.files.held_folders import make_temporary; print(make_temporary(), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        assert folder.is_dir()
        process.kill()
    own = make_temporary()
    assert own != folder
    discard(own)
    assert list(temporary.iterdir()) == []


def test_a_process_that_ends_removes_its_folder(holder: subprocess.Popen[str], temporary: Path) -> None:
    assert len(list(temporary.iterdir())) == 1
    holder.communicate("")
    assert list(temporary.iterdir()) == []


def test_a_folder_that_others_can_write_is_refused(temporary: Path) -> None:
    (temporary / f"metaopt-{os.getuid()}").mkdir(0o777)
    (temporary / f"metaopt-{os.getuid()}").chmod(0o777)
    with pytest.raises(PermissionError, match="not a private folder"):
        hold("a")


@pytest.mark.slow
@pytest.mark.parametrize("holder", [GUARDED], indirect=True)
def test_the_guardian_removes_the_folder_of_a_killed_process(holder: subprocess.Popen[str], temporary: Path) -> None:
    assert len(list(temporary.iterdir())) == 1
    holder.kill()
    deadline = time.monotonic() + 60
    while list(temporary.iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
