"""Models of every format, compared with the original on the digits."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from metaopt.data.standardization import Standardization
from metaopt.deployment.agreement import compare_predictions
from metaopt.deployment.formats import FORMATS
from metaopt.deployment.model_files import open_model, written
from metaopt.errors import UserError
from metaopt.outputs import ClassOutput, ImageOutput, LabelOutput, NumberOutput
from metaopt.training.model_file import ModelMetadata

pytestmark = pytest.mark.slow

COUNT = 400
DIGITS = load_digits()
IMAGES = np.rint(DIGITS.images[:COUNT] * 255 / 16).astype(np.uint8)[..., None]
OUTPUTS = {
    "my-kind": ClassOutput(tuple(map(str, range(10))), (0.5,) * 10),
    "tags": LabelOutput(("even", "large")),
    "ink": NumberOutput(("ink",), (80.0,), (10.0,)),
    "mask": ImageOutput((8, 8, 1)),
}


@pytest.fixture(scope="module")
def exported():
    """A network with a head of each kind, trained for a moment, as an exported model."""
    import keras

    from metaopt.training.export import export_model

    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(8, 3, padding="same", use_bias=False)(inputs)
    x = keras.layers.MaxPooling2D(2)(keras.layers.ReLU()(keras.layers.BatchNormalization()(x)))
    flat = keras.layers.Dropout(0.2)(keras.layers.Flatten()(x))
    heads = {
        "my-kind": keras.layers.Dense(10, "softmax")(flat),
        "tags": keras.layers.Dense(2, "sigmoid")(flat),
        "ink": keras.layers.Dense(1)(flat),
        "mask": keras.layers.Conv2D(1, 1, activation="sigmoid")(keras.layers.UpSampling2D(2)(x)),
    }
    first = keras.Model(inputs, heads["my-kind"])
    first.compile("adam", "sparse_categorical_crossentropy")
    first.fit(IMAGES.astype("float32") / 255 - 0.5, DIGITS.target[:COUNT], epochs=8, verbose=0)
    metadata = ModelMetadata.of(OUTPUTS, (8, 8, 1), {"trial": 3})
    network = keras.Model(inputs, heads)
    return export_model([network], metadata, IMAGES[:4], mirror=True, temperatures={"my-kind": 1.5}), metadata


def require(name: str) -> None:
    for package in (*FORMATS[name].writers, *FORMATS[name].readers):
        pytest.importorskip(package, reason=f"needs {package}: pip install -r requirements-export.txt")


@pytest.mark.parametrize("name", ["onnx", "litert", "savedmodel"])
def test_predictions_are_those_of_the_original(exported, tmp_path: Path, name: str) -> None:
    from metaopt.training.export import predict

    require(name)
    model, metadata = exported
    path = tmp_path / f"model{FORMATS[name].suffix}"
    original = predict(model, metadata, IMAGES)
    with written(model, metadata, path, FORMATS[name]):
        assert not path.exists()
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    runner = open_model(path)
    assert runner.metadata == metadata
    for n, batch_size in ((COUNT, 1000), (20, 7)):
        some = {head: each[:n] for head, each in original.items()}
        found = compare_predictions(OUTPUTS, some, runner.predict(IMAGES[:n], batch_size))
        assert {head: each.is_exact for head, each in found.items()} == dict.fromkeys(OUTPUTS, True)
    if name == "litert":
        check_associated_files(path)
    damage(path)
    with pytest.raises(UserError, match=path.name):
        open_model(path)


def check_associated_files(path: Path) -> None:
    """A LiteRT file names its classes for other programs."""
    with zipfile.ZipFile(path) as archive:
        assert archive.read("output_0.txt").decode().split("\n") == list(OUTPUTS["my-kind"].names)
        assert json.loads(archive.read("metaopt.json"))["metaopt"]["input_shape"] == [8, 8, 1]


def damage(path: Path) -> None:
    """Leave the first bytes of a model."""
    file = path / "saved_model.pb" if path.is_dir() else path
    file.write_bytes(file.read_bytes()[:500])


@pytest.mark.parametrize("name", ["onnx", "litert"])
def test_int8_is_nearly_as_good(exported, tmp_path: Path, name: str) -> None:
    from metaopt.training.export import predict

    require(name)
    model, metadata = exported
    path = tmp_path / f"model{FORMATS[name].suffix}"
    with written(model, metadata, path, FORMATS[name], IMAGES[:100]) as runner:
        predicted = runner.predict(IMAGES)
    found = compare_predictions(OUTPUTS, predict(model, metadata, IMAGES), predicted)
    assert found["my-kind"].same / len(IMAGES) > 0.95
    assert found["my-kind"].mean < 0.01
    assert found["tags"].mean < 0.05
    assert found["mask"].mean < 0.01


@pytest.mark.parametrize("name", ["onnx", "litert"])
def test_int8_keeps_pixels_that_a_backbone_scales_again(tmp_path: Path, name: str) -> None:
    """TensorFlow's calibrator takes the range of a product for that of its input, which leaves a pixel two values."""
    import keras

    from metaopt.training.export import export_model, predict

    require(name)
    keras.utils.set_random_seed(0)
    images = np.random.default_rng(0).integers(0, 256, (50, 32, 32, 3), dtype=np.uint8)
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.Resizing(64, 64)(keras.layers.Rescaling(255.0, 127.5)(inputs))
    x = keras.layers.Conv2D(8, 3, strides=2, activation="relu")(keras.layers.Rescaling(1 / 127.0, -1.0)(x))
    outputs = keras.layers.Dense(10, "softmax")(keras.layers.Flatten()(x))
    network = keras.Model(inputs, outputs)
    metadata = ModelMetadata.of({"label": OUTPUTS["my-kind"]}, (32, 32, 3), {"trial": 0})
    model = export_model([network], metadata, images[:4])
    with written(model, metadata, tmp_path / f"a{FORMATS[name].suffix}", FORMATS[name], images) as runner:
        found = compare_predictions(metadata.outputs, predict(model, metadata, images), runner.predict(images))
    assert found["label"].mean < 0.003


def test_signals_are_exported(tmp_path: Path) -> None:
    import keras

    from metaopt.training.export import export_model, predict

    require("onnx")
    inputs = keras.Input((32, 2))
    pooled = keras.layers.GlobalAveragePooling1D()(keras.layers.Conv1D(4, 5, activation="relu")(inputs))
    network = keras.Model(inputs, keras.layers.Dense(3, "softmax")(pooled))
    signals = np.random.default_rng(0).normal(5, 2, (20, 32, 2)).astype(np.float32)
    metadata = ModelMetadata(
        {"label": ["a", "b", "c"]}, (32, 2), standardization=Standardization((5.0,) * 2, (2.0,) * 2)
    )
    model = export_model([network], metadata, signals[:4])
    with written(model, metadata, tmp_path / "model.onnx", FORMATS["onnx"]) as runner:
        found = compare_predictions(metadata.outputs, predict(model, metadata, signals), runner.predict(signals))
        assert found["label"].is_exact


def test_a_failure_leaves_nothing(exported, tmp_path: Path, monkeypatch) -> None:
    def fail(*_: object) -> None:
        raise ValueError("an operation is unknown\nmore")

    monkeypatch.setattr("metaopt.deployment.savedmodel_format.write_savedmodel", fail)
    with (
        pytest.raises(UserError, match=r"cannot be written as savedmodel: an operation is unknown\."),
        written(*exported, tmp_path / "model", FORMATS["savedmodel"]),
    ):
        pass
    assert list(tmp_path.iterdir()) == []
