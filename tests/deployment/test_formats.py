"""Formats of model files, and files that are none."""

import os
from pathlib import Path

import pytest

from metaopt.deployment import formats
from metaopt.deployment.formats import FORMATS, find_format, require_packages
from metaopt.deployment.model_files import open_model, set_backend
from metaopt.errors import UserError


def test_format_is_told_by_the_name(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    assert find_format(folder).name == "keras"
    (folder / "saved_model.pb").touch()
    found = [find_format(Path(name)).name for name in ("a.onnx", "a.tflite", "a.pt2", "a.keras", "a.txt")]
    assert (find_format(folder).name, found) == ("savedmodel", ["onnx", "litert", "torch", "keras", "keras"])


def test_missing_packages_are_named_with_the_command_that_installs_them(monkeypatch) -> None:
    monkeypatch.setattr(formats.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"the package ai-edge-litert, which is not .*: `pip install ai-edge-litert`"):
        require_packages(Path("a.tflite"), ("ai_edge_litert",))
    several = "needs the packages onnx, tf2onnx and onnxruntime, .*: `pip install onnx tf2onnx onnxruntime`"
    with pytest.raises(UserError, match=several):
        require_packages(Path("a.onnx"), ("onnx", "tf2onnx", "onnxruntime", "onnx"))


@pytest.mark.parametrize("name", ["absent.onnx", "absent.keras", "folder.onnx", "pipe.tflite", "text.keras"])
def test_files_that_are_no_model_are_one_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.onnx").mkdir()
    (tmp_path / "text.keras").write_text("text")
    os.mkfifo(tmp_path / "pipe.tflite")
    with pytest.raises(UserError) as caught:
        open_model(tmp_path / name)
    assert name in str(caught.value)


@pytest.mark.parametrize(("name", "package"), [("a.onnx", "onnxruntime"), ("a.tflite", "ai_edge_litert")])
def test_damaged_files_are_one_sentence(tmp_path: Path, name: str, package: str) -> None:
    pytest.importorskip(package, reason=f"needs {package}: pip install -r requirements-export.txt")
    (tmp_path / name).write_bytes(b"PK damaged")
    with pytest.raises(UserError, match=name):
        open_model(tmp_path / name)


def test_a_process_with_another_backend_is_an_error(monkeypatch) -> None:
    keras = type("Keras", (), {"backend": type("B", (), {"backend": staticmethod(lambda: "jax")})})
    monkeypatch.setattr("metaopt.deployment.model_files.require_packages", lambda *_: None)
    monkeypatch.setitem(__import__("sys").modules, "keras", keras)
    with pytest.raises(UserError, match="this process uses jax"):
        set_backend(Path("a.onnx"), FORMATS["onnx"])
