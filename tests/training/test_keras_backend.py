"""Check of the Keras backend: missing, broken, or unable to train."""

from pathlib import Path

import pytest

from metaopt.errors import UserError
from metaopt.training import keras_backend
from metaopt.training.keras_backend import check_backend, import_keras


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    return tmp_path


def test_a_backend_of_keras_json_that_is_unknown_is_one_sentence(home: Path) -> None:
    (home / "keras.json").write_text('{"backend": "theano"}')
    with pytest.raises(UserError, match=r"backend theano, set by .*keras\.json, cannot train\. Set KERAS_BACKEND to"):
        check_backend()


@pytest.mark.parametrize("name", ["numpy", "openvino", "TensorFlow", "../x"])
def test_a_backend_that_cannot_train_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("KERAS_BACKEND", name)
    with pytest.raises(UserError, match="set by KERAS_BACKEND, cannot train"):
        check_backend()


def test_a_backend_that_is_not_installed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras_backend, "find_spec", lambda name: None)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    with pytest.raises(
        UserError, match=r"jax, set by KERAS_BACKEND, is not installed\. Install one of tensorflow, jax"
    ):
        check_backend()


@pytest.mark.parametrize("error", [ImportError("libcudart.so.11: cannot open"), ValueError("no float"), OSError("")])
def test_a_backend_that_fails_at_import_is_one_sentence(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(name: str) -> None:
        raise error

    monkeypatch.setattr(keras_backend, "find_spec", lambda name: name)
    monkeypatch.setattr(keras_backend.importlib, "import_module", fail)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    with pytest.raises(UserError, match="cannot be imported with the backend jax") as raised:
        import_keras()
    assert (str(error) or "OSError") in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"floatx": "float32"}'])
def test_a_keras_json_without_a_backend_means_the_default(home: Path, text: str) -> None:
    (home / "keras.json").write_text(text)
    assert keras_backend._configured_backend() == ("tensorflow", "default")
