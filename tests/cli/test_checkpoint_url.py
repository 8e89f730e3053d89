"""A search whose checkpoints are behind a URL, killed and resumed on another machine."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from metaopt.storage.study import Study
from tests.executors.test_ray_nodes import EPOCHS, RANDOM, ROOT, TRIALS, Run

HAS_PYARROW = importlib.util.find_spec("pyarrow") is not None


@pytest.mark.slow
@pytest.mark.skipif(not HAS_PYARROW, reason="pyarrow is not installed: pip install -r requirements-url.txt")
def test_a_search_resumes_from_a_url_on_another_machine(tmp_path: Path) -> None:
    store = tmp_path / "store"
    flags = (*RANDOM, "--executor", "processes")
    first = Run(tmp_path / "first", *flags, "--checkpoint-url", f"file://{store}", workers=1)
    search = first.start()
    first.wait_for_third_epochs(search, 1)
    os.killpg(search.pid, signal.SIGKILL)
    search.wait()
    assert not (first.results / "checkpoints").exists()
    second = Run(tmp_path / "second", *flags, workers=1)  # the study knows its URL
    for name in ("tiny.py", "results/journal.jsonl", "results/journal.header"):
        shutil.copy(first.results.parent / name, second.results.parent / name)
    first.let_go()
    second.end(second.start())
    counts = Counter((trial, epoch) for trial, epoch, *_ in first.trained())
    assert counts == {
        **{(trial, epoch): 1 for trial in range(TRIALS) for epoch in range(1, EPOCHS + 1)},
        (0, 3): 2,
    }
    study = Study.load(second.results)
    (kept,) = (store / study.header["id"]).iterdir()
    assert int(kept.name) == study.require_best().trial
    command = [sys.executable, "-m", "metaopt", "best", "--results", str(second.results), "--save", "best.keras"]
    done = subprocess.run(
        [*command, "--space", "tiny.py"],
        cwd=second.results.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (second.results.parent / "best.keras").is_file()
