"""The environment of a run is known without importing Keras."""

from pathlib import Path

import pytest

from metaopt.training.environment import describe_change, describe_environment


def test_backend_is_that_of_keras(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert describe_environment()["backend"] == "jax"
    monkeypatch.delenv("KERAS_BACKEND")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert describe_environment()["backend"] == "tensorflow"
    (tmp_path / "keras.json").write_text('{"backend": "torch"}')
    assert describe_environment()["backend"] == "torch"


def test_workers_share_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("metaopt.training.environment.cpu_count", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert describe_environment(workers=3)["threads"] == 2
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert describe_environment()["threads"] == 5


def test_changes_are_named() -> None:
    assert describe_change({"keras": "3.0", "threads": 1}, {"keras": "3.1", "threads": 1}) == "keras 3.1 (was 3.0)"
    assert describe_change({}, {"keras": "3.1"}) == ""
