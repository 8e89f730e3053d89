import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers.make_table import main
from benchmarks.peers.table_loading import load_table
from benchmarks.peers.table_training import cut_data
from metaopt.data import DataSpec, load
from metaopt.errors import UserError
from metaopt.problems.loading import load_problem

ROOT = Path(__file__).parents[2]
SPACE = ROOT / "benchmarks" / "peers" / "problems" / "conv_stack_1_to_6.py"
COMMON = ["--train-images", "40", "--validation-images", "30", "--test-images", "30", "--space", str(SPACE)]
COMMON += ["--constraint", "macs<=2e5", "--epochs", "2"]


def test_cut_keeps_every_class_and_changes_the_fingerprint() -> None:
    data = load(DataSpec("digits"))
    cut = cut_data(data, {"train": 40, "test": 30})
    assert (len(cut.train), len(cut.validation), len(cut.test())) == (40, len(data.validation), 30)
    assert np.unique(cut.train.labels["label"]).size == 10
    assert cut.fingerprint != data.fingerprint
    assert cut_data(data, {"train": 40, "test": 30}).fingerprint == cut.fingerprint


@pytest.mark.parametrize(("split", "size"), [("train", 9), ("validation", 10**6)])
def test_impossible_cut_is_named(split: str, size: int) -> None:
    with pytest.raises(UserError, match=f"Invalid number of {split} images: {size}. Expected 10 to"):
        cut_data(load(DataSpec("digits")), {split: size})


@pytest.mark.slow
def test_killed_table_resumes_and_is_an_objective(tmp_path: Path) -> None:
    path = tmp_path / "table.jsonl"
    command = [sys.executable, "-m", "benchmarks.peers.make_table", str(path), *COMMON, "--sample", "3"]
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}, start_new_session=True
    )
    deadline = time.monotonic() + 250
    while time.monotonic() < deadline and (not path.exists() or len(path.read_text().splitlines()) < 2):
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    first = path.read_text().splitlines(keepends=True)
    assert len(first) >= 2
    assert main([str(path), *COMMON, "--sample", "3"]) == 0
    lines = path.read_text().splitlines(keepends=True)
    assert lines[:2] == first[:2]
    rows = [json.loads(line) for line in lines[1:]]
    assert sorted(row["id"] for row in rows) == [0, 1, 2]
    assert all(row["cpu_s"][0] > row["setup_cpu_s"] > 0 for row in rows)
    table = load_table("digits", path, load_problem(str(SPACE)).space)
    assert table.epochs == 2
    assert main([str(path), *COMMON, "--sample", "3", "--sample-seed", "1"]) == 2
