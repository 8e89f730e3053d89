"""delete_results.sh: a study is deleted, and nothing else."""

import shutil
import subprocess
from pathlib import Path

import pytest
from filelock import FileLock

SCRIPT = Path(__file__).parents[1] / "delete_results.sh"


def delete(*arguments: str | Path, script: Path = SCRIPT) -> subprocess.CompletedProcess[str]:
    command = [str(script), *map(str, arguments)]
    return subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    folder = tmp_path / "my study"
    (folder / "figures").mkdir(parents=True)
    (folder / "journal.jsonl").write_text("{}\n")
    (folder / "model_0.5_0001.json").write_text("{}")
    (tmp_path / "my study.pkl").write_bytes(b"")
    (tmp_path / "my study 2").mkdir()
    return folder


def test_only_the_folder_and_its_pickle_are_deleted(study: Path) -> None:
    result = delete("--yes", f"{study}/")
    assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in study.parent.iterdir()) == ["my study 2"]


def test_the_default_is_results_beside_the_script(tmp_path: Path) -> None:
    script = shutil.copy(SCRIPT, tmp_path)
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "model_0.5_0001.json").write_text("{}")
    (tmp_path / "results.pkl").write_bytes(b"")
    assert delete(script=Path(script)).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["delete_results.sh"]
    assert "Nothing to delete" in delete(script=Path(script)).stdout


def test_a_study_being_searched_is_not_deleted(study: Path) -> None:
    with FileLock(study / ".lock"):
        result = delete("--yes", study)
        assert result.returncode == 2
        assert "running" in result.stderr
        assert (study / "journal.jsonl").exists()
    (study / ".lock").touch()  # no process holds the lock file after a crash
    assert delete("--yes", study).returncode == 0
    assert not study.exists()


def test_a_folder_without_a_study_is_not_deleted(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "cat.jpg").write_bytes(b"")
    result = delete("--yes", folder)
    assert result.returncode == 2
    assert "no study" in result.stderr
    assert (folder / "cat.jpg").exists()
    assert delete("--force", folder).returncode == 2


def test_a_pickle_without_a_study_is_not_deleted(tmp_path: Path) -> None:
    (tmp_path / "prices.pkl").write_bytes(b"")
    result = delete("--yes", tmp_path / "prices")
    assert result.returncode == 2
    assert "delete it by hand" in result.stderr
    assert (tmp_path / "prices.pkl").exists()
