import os
import socket
import sys
import types

import numpy as np
import pytest

from metaopt.data.builtin import CLASS_NAMES, NAMES, cifar100_is_on_disk, fetch, load_builtin
from metaopt.errors import UserError


@pytest.fixture
def keras_datasets(monkeypatch):
    """Replaces ``keras.datasets.<name>``, so that neither Keras nor a network is needed."""

    def put(name: str, load_data) -> None:
        for package in ("keras", "keras.datasets"):
            monkeypatch.setitem(sys.modules, package, types.ModuleType(package))
        module = types.ModuleType(name)
        module.load_data = load_data  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, f"keras.datasets.{name}", module)

    return put


def test_import_of_keras_prints_nothing(monkeypatch, capfd) -> None:
    class Module:
        @staticmethod
        def load_data():
            os.write(2, b"downloading")
            return "data"

    def import_module(name: str):
        os.write(2, b"WARNING: All log messages before absl::InitializeLog() is called")
        return Module

    monkeypatch.setattr("metaopt.data.builtin.importlib.import_module", import_module)
    assert fetch("mnist") == ["data"]
    assert capfd.readouterr().err == "downloading"


def test_digits_are_scaled_to_0_to_255() -> None:
    data = load_builtin("digits", None)
    assert len(data.images) == 1797
    assert data.shape == (8, 8, 1)
    assert data.default_augmentation == "none"
    assert data.test is None
    pixels, _ = data.images.batch(np.arange(1797))
    assert (pixels.min(), pixels.max()) == (0, 255)
    assert len(np.unique(pixels)) == 17


def test_digits_are_resized() -> None:
    assert load_builtin("digits", 16).shape == (16, 16, 1)


def test_every_data_set_has_its_class_names() -> None:
    assert set(CLASS_NAMES) == set(NAMES)
    assert {name: [len(c) for c in heads.values()] for name, heads in CLASS_NAMES.items()} == {
        "cifar100": [100, 20],
        "cifar10": [10],
        "mnist": [10],
        "fashion_mnist": [10],
        "digits": [10],
    }


def test_cifar100_has_two_heads(keras_datasets) -> None:
    rng = np.random.default_rng(0)
    x_train, x_test = (rng.integers(0, 256, (n, 3, 32, 32), np.uint8) for n in (200, 100))

    def load_data(label_mode):
        n_classes = {"fine": 100, "coarse": 20}[label_mode]
        return (x_train, np.arange(200)[:, None] % n_classes), (x_test, np.arange(100)[:, None] % n_classes)

    keras_datasets("cifar100", load_data)
    data = load_builtin("cifar100", None)
    assert data.shape == (32, 32, 3)  # though Keras was set to channels_first
    images, labels = data.images.batch([150])
    assert (images[0] == x_train[150].transpose(1, 2, 0)).all()
    assert {head: values.tolist() for head, values in labels.items()} == {"fine": [50], "coarse": [10]}
    assert data.test is not None
    assert len(data.test) == 100
    assert data.default_augmentation == "flip"


def test_grey_images_get_a_channel_axis(keras_datasets) -> None:
    part = (np.zeros((20, 28, 28), np.uint8), np.arange(20) % 10)
    keras_datasets("mnist", lambda: (part, part))
    data = load_builtin("mnist", None)
    assert data.shape == (28, 28, 1)
    assert data.default_augmentation == "none"


def test_a_failed_download_raises(keras_datasets, capsys) -> None:
    def load_data(label_mode):
        print("Downloading")  # noqa: T201 - as Keras does
        assert socket.getdefaulttimeout() is not None
        raise Exception("URL fetch failure on https://x: None -- no route to host")

    keras_datasets("cifar100", load_data)
    with pytest.raises(UserError, match=r"Data set cifar100 is not on disk .* cannot be downloaded: .*no route"):
        fetch("cifar100")
    assert socket.getdefaulttimeout() is None
    assert capsys.readouterr().out == ""


def test_cifar100_is_on_disk_only_if_complete(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    folder = tmp_path / "datasets"
    unpacked = folder / "cifar-100-python-target" / "cifar-100-python"
    unpacked.mkdir(parents=True)
    for path in (folder / "cifar-100-python-target_archive", unpacked / "train", unpacked / "test"):
        assert not cifar100_is_on_disk()
        path.touch()
    assert cifar100_is_on_disk()
