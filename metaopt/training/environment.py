"""Environment of a run: the software and threads that decide the bits of a training, known before Keras is imported."""

import json
import os
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from metaopt.executors.hardware import cpu_count

_DEFAULT_BACKEND = "tensorflow"


def describe_environment(workers: int = 1) -> dict[str, Any]:
    """Return the ``backend``, the versions of ``keras`` and of the backend, and the CPU ``threads`` of each worker."""
    backend = _find_backend()
    found: dict[str, Any] = {"backend": backend}
    for package in ("keras", backend):
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # e.g. a build of another name
            found[package] = None
    return {**found, "threads": int(os.environ.get("OMP_NUM_THREADS") or max(1, cpu_count() // workers))}


def describe_change(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return how two environments differ, e.g. ``"backend jax (was tensorflow)"``; empty where they do not."""
    names = [name for name in now if name in before and before[name] != now[name]]
    return ", ".join(f"{name} {now[name]} (was {before[name]})" for name in names)


def _find_backend() -> str:
    """Return the backend that Keras will use: of the environment, of its settings file, or its default."""
    if given := os.environ.get("KERAS_BACKEND"):
        return given
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    try:
        return str(json.loads((home / "keras.json").read_text())["backend"])
    except (OSError, ValueError, KeyError, TypeError):
        return _DEFAULT_BACKEND
