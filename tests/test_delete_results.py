"""delete_results.sh: ``metaopt delete`` on the folder beside the script."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "delete_results.sh"


def delete(*arguments: str | Path, script: Path = SCRIPT) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [str(script), *map(str, arguments)],
        env={**os.environ, "PATH": path},
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.slow
def test_the_default_is_results_beside_the_script(studies: Path) -> None:
    script = Path(shutil.copy(SCRIPT, studies))
    (studies / "metaopt").symlink_to(SCRIPT.parent / "metaopt")
    for name in ("tpe", "tpe.pkl"):
        (studies / name).rename(studies / name.replace("tpe", "results"))
    refused = delete(script=script)
    assert refused.returncode == 2
    assert "no terminal to ask at" in refused.stderr
    assert delete("--yes", script=script).returncode == 0
    assert not (studies / "results").exists()
    assert not (studies / "results.pkl").exists()
    assert (studies / "folds").exists()
    assert "Nothing to delete" in delete("--yes", script=script).stderr


@pytest.mark.slow
def test_a_named_study_is_deleted_and_no_other(studies: Path) -> None:
    (studies / "tpe").rename(studies / "my study")
    result = delete("-y", "my study")
    assert result.returncode == 0, result.stderr
    assert not (studies / "my study").exists()
    assert (studies / "folds" / "journal.jsonl").exists()


@pytest.mark.slow
def test_unknown_options_are_refused(studies: Path) -> None:
    result = delete("--force", "tpe")
    assert result.returncode == 2
    assert "--force" in result.stderr
    assert (studies / "tpe").exists()
