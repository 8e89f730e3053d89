"""Benchmarks: each can be imported, and describes itself."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BENCHMARKS = sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py"))


@pytest.mark.slow
def test_benchmarks_can_be_imported() -> None:
    code = f"import importlib\nfor name in {BENCHMARKS}: assert importlib.import_module(name).__doc__, name"
    paths = {"PYTHONPATH": f"{ROOT}:{ROOT / 'benchmarks'}", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=paths, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
