"""Formats of model files: their suffix, what writes and what reads them, and what they can hold."""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from metaopt.errors import UserError
from metaopt.terminal.commands import shown

KERAS = "keras"


@dataclass(frozen=True)
class Format:
    """A format of model files.

    Attributes:
        name: name of the format.
        suffix: suffix of its files; empty for a folder.
        backend: backend of Keras that writes it; None for every one.
        writers: packages that write it, beside those of metaopt.
        readers: packages that predict with it, beside those of metaopt.
        quantizes: whether it can hold a network of 8-bit integers.
    """

    name: str
    suffix: str
    backend: str | None = "tensorflow"
    writers: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()
    quantizes: bool = False


FORMATS = {
    each.name: each
    for each in (
        Format(KERAS, ".keras", backend=None),
        Format("onnx", ".onnx", writers=("onnx", "tf2onnx"), readers=("onnxruntime",), quantizes=True),
        Format("litert", ".tflite", readers=("ai_edge_litert",), quantizes=True),
        Format("savedmodel", "", readers=("tensorflow",)),
        Format("torch", ".pt2", backend="torch", readers=("torch",)),
    )
}
_MARKER = "saved_model.pb"
_PIP_NAMES = {"ai_edge_litert": "ai-edge-litert"}


def find_format(path: Path) -> Format:
    """Return the format of a model by its name; a name of another kind counts as a ``.keras`` file."""
    if path.is_dir() and (path / _MARKER).is_file():
        return FORMATS["savedmodel"]
    return next((each for each in FORMATS.values() if each.suffix and each.suffix == path.suffix), FORMATS[KERAS])


def require_packages(path: Path, packages: Sequence[str]) -> None:
    """Check that packages are installed.

    Args:
        path: the model's file, for the message.
        packages: the names that are imported.

    Raises:
        UserError: One is not.
    """
    missing = [name for name in dict.fromkeys(packages) if importlib.util.find_spec(name) is None]
    if missing:
        names = [_PIP_NAMES.get(name, name) for name in missing]
        listed = ", ".join(names[:-1]) + (" and " if names[1:] else "") + names[-1]
        several = "s" if names[1:] else ""
        what = f"the package{several} {listed}, which {'are' if several else 'is'} not installed"
        raise UserError(f"{shown(path)} needs {what}: `pip install {' '.join(names)}`.")
