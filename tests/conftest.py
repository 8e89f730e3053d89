"""Settings of all tests, and the folder of real data."""

import os
from pathlib import Path

import pytest

# Contracts are tests in modules of another name; their assertions, too, are to show what differed.
pytest.register_assert_rewrite(*[f"tests.{room}.contract" for room in ("executors", "samplers", "schedulers")])


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data beside the checkout, or the test is skipped aloud."""
    folder = Path(os.environ.get("METAOPT_SHARED", Path(__file__).parents[2] / "shared"))
    if not folder.is_dir():
        pytest.skip(f"needs the shared data folder, which is not at {folder} (set METAOPT_SHARED)")
    return folder
