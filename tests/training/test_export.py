"""The exported model compared with its network and with the decoding of training images."""

import json
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from metaopt.data.image_file import crop_and_resize
from metaopt.data.standardization import Standardization
from metaopt.errors import UserError
from metaopt.training.model_file import ModelMetadata

pytestmark = pytest.mark.slow

METADATA = ModelMetadata({"fine": ["cat", "dog", "Äpfel/Birnen"], "coarse": ["beast", "fruit"]}, (8, 10, 3))
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (5, 8, 10, 3), dtype=np.uint8)


def network(logits: bool = False):
    import keras

    keras.utils.set_random_seed(1)
    inputs = keras.Input((8, 10, 3))
    x = keras.layers.Dropout(0.5)(keras.layers.Flatten()(keras.layers.Conv2D(4, 3)(inputs)))
    activation = None if logits else "softmax"
    heads = {name: keras.layers.Dense(len(names), activation)(x) for name, names in METADATA.classes.items()}
    model = keras.Model(inputs, heads)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)
    return model


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    from metaopt.training.export import export_model, save_model

    path = tmp_path_factory.mktemp("model") / "best.keras"
    save_model(export_model([network()], METADATA, IMAGES), METADATA, path)
    return path


def test_images_of_the_networks_own_size_pass_unchanged(saved) -> None:
    from metaopt.training.batches import scale
    from metaopt.training.export import load_model, predict

    model, metadata = load_model(saved)
    assert metadata == METADATA
    answers, inside = predict(model, metadata, IMAGES), network().predict(scale(IMAGES), verbose=0)
    assert list(answers) == ["fine", "coarse"]
    for head in answers:
        assert answers[head].dtype == np.float32
        np.testing.assert_allclose(answers[head], inside[head], atol=1e-6)
        np.testing.assert_allclose(answers[head].sum(axis=1), 1, atol=1e-5)


def test_dropout_is_inactive_in_a_plain_call(saved) -> None:
    """Resizing calls itself in training mode by default, which would propagate to later layers."""
    from metaopt.training.export import load_model

    model, _ = load_model(saved)
    for head, values in model(IMAGES).items():
        np.testing.assert_allclose(np.asarray(values), np.asarray(model(IMAGES, training=False)[head]), atol=1e-6)


@pytest.mark.parametrize("shape", [(30, 41), (9, 70), (40, 8), (3, 4), (16, 20)])
def test_other_sizes_are_resized_as_for_training(saved, shape) -> None:
    import keras

    from metaopt.training.export import load_model

    smooth = RNG.integers(0, 256, (5, 6, 3), dtype=np.uint8)
    picture = crop_and_resize(smooth, *shape)
    model, _ = load_model(saved)
    inside = keras.Model(model.input, model.get_layer("scale").output)
    pixels = (np.asarray(inside(picture[None]))[0] + 0.5) * 255
    assert (
        np.abs(pixels - crop_and_resize(picture, 8, 10)).max() <= 6
    )  # of 255, where Pillow cuts between its two passes
    assert np.abs(pixels - crop_and_resize(picture, 8, 10)).mean() < 0.5


def test_logits_become_probabilities() -> None:
    from metaopt.training.export import export_model, predict

    answers = predict(export_model([network(logits=True)], METADATA, IMAGES), METADATA, IMAGES)
    for values in answers.values():
        np.testing.assert_allclose(values.sum(axis=1), 1, atol=1e-5)


def test_a_sequential_model_is_exported(tmp_path) -> None:
    import keras

    from metaopt.training.export import export_model, load_model, predict, save_model

    metadata = ModelMetadata({"label": ["a", "b"]}, (8, 10, 3))
    model = keras.Sequential([keras.Input((8, 10, 3)), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")])
    save_model(export_model([model], metadata, IMAGES), metadata, tmp_path / "best.keras")
    answers = predict(*load_model(tmp_path / "best.keras"), IMAGES)
    assert answers["label"].shape == (5, 2)


def test_a_model_is_tried_where_warnings_are_errors() -> None:
    import keras

    from metaopt.training.export import find_loading_problem

    metadata = ModelMetadata({"label": ["a", "b"]}, (8, 10, 3))
    model = keras.Sequential([keras.Input((8, 10, 3)), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert find_loading_problem(model, metadata) is None


def test_the_file_contains_no_optimizer(saved, tmp_path) -> None:
    with zipfile.ZipFile(saved) as archive:
        assert b"Adam" not in archive.read("config.json")
        archive.extract("model.weights.h5", tmp_path)
    names: list[str] = []
    with h5py.File(tmp_path / "model.weights.h5") as file:
        file.visit(names.append)
    assert any("conv2d" in name for name in names)
    assert not any("optimizer" in name for name in names)


def test_the_model_loads_without_metaopt(saved) -> None:
    code = (
        "import sys, json, zipfile, numpy, keras\n"
        "model = keras.saving.load_model(sys.argv[1])\n"
        "classes = json.loads(zipfile.ZipFile(sys.argv[1]).read('metadata.json'))['metaopt']['classes']\n"
        "answer = model.predict(numpy.zeros((1, 33, 21, 3), 'uint8'), verbose=0)\n"
        "assert 'metaopt' not in sys.modules\n"
        "print(json.dumps([classes, answer['fine'].shape]))\n"
    )
    command = [sys.executable, "-c", code, str(saved)]
    result = subprocess.run(command, cwd=saved.parent, capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout.splitlines()[-1]) == [METADATA.classes, [1, 3]]


def test_a_damaged_model_raises(saved, tmp_path) -> None:
    from metaopt.training.export import load_model

    damaged = tmp_path / "damaged.keras"
    with zipfile.ZipFile(saved) as old, zipfile.ZipFile(damaged, "w") as new:
        new.writestr("metadata.json", old.read("metadata.json"))
        new.writestr("config.json", old.read("config.json"))
        new.writestr("model.weights.h5", b"nothing")
    with pytest.raises(UserError, match="Cannot load model"):
        load_model(damaged)


@pytest.mark.parametrize("logits", [False, True])
def test_a_mirrored_model_averages_both_views(tmp_path, logits) -> None:
    from metaopt.blueprint.from_keras import count_keras
    from metaopt.training.export import export_model, load_model, predict, save_model

    save_model(export_model([network(logits)], METADATA, IMAGES, mirror=True), METADATA, tmp_path / "best.keras")
    model, metadata = load_model(tmp_path / "best.keras")
    plain = export_model([network(logits)], METADATA, IMAGES)
    one, other = predict(plain, METADATA, IMAGES), predict(plain, METADATA, IMAGES[:, :, ::-1])
    both, mirrored = predict(model, metadata, IMAGES), predict(model, metadata, IMAGES[:, :, ::-1])
    for head in metadata.classes:
        np.testing.assert_allclose(both[head], (one[head] + other[head]) / 2, atol=1e-6)
        np.testing.assert_allclose(both[head], mirrored[head], atol=1e-6)
    assert count_keras(model).macs == 2 * count_keras(plain).macs
    assert count_keras(model).params == count_keras(plain).params


@pytest.mark.parametrize("mirror", [False, True])
def test_every_kind_of_output_is_exported_in_the_users_terms(tmp_path: Path, mirror: bool) -> None:
    import keras

    from metaopt.outputs import ClassOutput, ImageOutput, LabelOutput, NumberOutput
    from metaopt.training.batches import scale
    from metaopt.training.export import export_model, load_model, predict, save_model

    outputs = {
        "size": NumberOutput(("height", "mass"), (1.5, 70.0), (0.1, 15.0)),
        "tags": LabelOutput(("a", "b", "c"), (0.3, 0.5, 0.6)),
        "kind": ClassOutput(("x", "y")),
        "picture": ImageOutput((8, 10, 3)),
    }
    inputs = keras.Input((8, 10, 3))
    flat = keras.layers.Flatten()(inputs)
    model = keras.Model(
        inputs,
        {
            "size": keras.layers.Dense(2)(flat),
            "tags": keras.layers.Dense(3, "sigmoid")(flat),
            "kind": keras.layers.Dense(2, "softmax")(flat),
            "picture": keras.layers.Activation("linear")(inputs + 0.5),
        },
    )
    inside = model.predict(scale(IMAGES), verbose=0)
    metadata = ModelMetadata.of(outputs, (8, 10, 3), {"trial": 1})
    path = tmp_path / "all.keras"
    save_model(export_model([model], metadata, IMAGES, mirror=mirror), metadata, path)
    loaded, read = load_model(path)
    assert read == metadata
    assert list(read.outputs) == list(outputs)
    predicted = predict(loaded, read, IMAGES)
    np.testing.assert_allclose(predicted["picture"], IMAGES, atol=1e-3)  # mirrored back
    if not mirror:
        for head, output in outputs.items():
            np.testing.assert_allclose(predicted[head], output.decode(inside[head]), rtol=1e-4, atol=1e-4)


def test_a_model_of_signals_takes_them_as_in_the_files(tmp_path: Path) -> None:
    import keras

    from metaopt.training.export import export_model, load_model, predict, save_model

    signals = (RNG.standard_normal((6, 20, 2)) * (1, 500) + (3, 1e4)).astype(np.float32)
    standardization = Standardization((3.0, 1e4), (1.0, 500.0))
    inputs = keras.Input((20, 2))
    x = keras.layers.Flatten()(keras.layers.Conv1D(3, 4)(inputs))
    inner = keras.Model(inputs, {"label": keras.layers.Dense(3, "softmax")(x)})
    metadata = ModelMetadata({"label": ["a", "b", "c"]}, (20, 2), standardization=standardization, sample_rate=16000)
    expected = inner.predict(standardization.apply(signals), verbose=0)["label"]
    save_model(export_model([inner], metadata, signals), metadata, tmp_path / "a.keras")
    model, stored = load_model(tmp_path / "a.keras")
    assert stored == metadata
    np.testing.assert_allclose(predict(model, stored, signals)["label"], expected, atol=1e-5)


def test_a_file_that_holds_code_is_not_run(tmp_path) -> None:
    import keras

    from metaopt.training.export import load_model
    from metaopt.training.model_file import write_model

    inputs = keras.Input((8, 10, 3))
    model = keras.Model(inputs, keras.layers.Lambda(lambda x: x + 1)(inputs))
    write_model(tmp_path / "code.keras", METADATA, model.save)
    with pytest.raises(UserError, match=r"code\.keras holds code, a Lambda layer, which is not run"):
        load_model(tmp_path / "code.keras")
