"""Check of the Keras backend: one that is missing, broken or cannot train is reported in one sentence."""

import importlib
import json
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from metaopt.errors import UserError
from metaopt.terminal.printable import printable

TRAINING_BACKENDS = ("tensorflow", "jax", "torch")
DEFAULT_BACKEND = "tensorflow"


def check_backend() -> None:
    """Check, without importing Keras, that it would find a backend that can train.

    Raises:
        UserError: It would not; the message says what names the backend, and which ones can train.
    """
    name, source = _configured_backend()
    if name not in TRAINING_BACKENDS:
        raise UserError(f"The Keras backend {printable(name)}, set by {source}, cannot train. {_remedy()}")
    if not _is_installed(name):
        raise UserError(f"The Keras backend {name}, set by {source}, is not installed. {_remedy()}")


def import_keras() -> Any:
    """Import Keras with its backend, and return it.

    Raises:
        UserError: The backend is missing, cannot train, or fails when it is imported.
    """
    check_backend()
    try:
        return importlib.import_module("keras")
    except Exception as error:  # an import runs the code of a whole library
        name, source = _configured_backend()
        reason = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
        raise UserError(
            f"Keras cannot be imported with the backend {name}, set by {source}: {printable(reason)}. {_remedy(name)}"
        ) from error


def _configured_backend() -> tuple[str, str]:
    """Return the backend that Keras would use, and what sets it, by the rules of ``keras.src.backend.config``."""
    given = os.environ.get("KERAS_BACKEND")
    if given:
        return given, "KERAS_BACKEND"
    file = _keras_home() / "keras.json"
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        content = {}
    name = content.get("backend", DEFAULT_BACKEND) if isinstance(content, dict) else DEFAULT_BACKEND
    return str(name), (printable(str(file)) if isinstance(content, dict) and "backend" in content else "default")


def _keras_home() -> Path:
    if "KERAS_HOME" in os.environ:
        return Path(os.environ["KERAS_HOME"]).expanduser()
    home = os.path.expanduser("~")
    return Path(home if os.access(home, os.W_OK) else "/tmp", ".keras")


def _is_installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _remedy(broken: str = "") -> str:
    """Return what to do: set one of the other backends, or install one."""
    able = [name for name in TRAINING_BACKENDS if name != broken and _is_installed(name)]
    if able:
        return f"Set KERAS_BACKEND to {' or '.join(able)}."
    return f"Install one of {', '.join(TRAINING_BACKENDS)}, and set KERAS_BACKEND to it."
