"""The handed-out model against the network within it and against the way pictures are decoded for training."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from metaopt.data.picture import resized
from metaopt.errors import UserError
from metaopt.training.model_file import Card

pytestmark = pytest.mark.slow

CARD = Card({"fine": ["cat", "dog", "Äpfel/Birnen"], "coarse": ["beast", "fruit"]}, (8, 10, 3))
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (5, 8, 10, 3), dtype=np.uint8)


def network(logits: bool = False):
    import keras

    keras.utils.set_random_seed(1)
    inputs = keras.Input((8, 10, 3))
    x = keras.layers.Dropout(0.5)(keras.layers.Flatten()(keras.layers.Conv2D(4, 3)(inputs)))
    activation = None if logits else "softmax"
    heads = {name: keras.layers.Dense(len(names), activation)(x) for name, names in CARD.classes.items()}
    model = keras.Model(inputs, heads)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)
    return model


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    from metaopt.training.export import hand_out, save

    path = tmp_path_factory.mktemp("model") / "best.keras"
    save(hand_out([network()], CARD, IMAGES), CARD, path)
    return path


def test_images_of_the_networks_own_size_pass_unchanged(saved) -> None:
    from metaopt.training.batches import scale
    from metaopt.training.export import load, predict

    model, card = load(saved)
    assert card == CARD
    answers, inside = predict(model, card, IMAGES), network().predict(scale(IMAGES), verbose=0)
    assert list(answers) == ["fine", "coarse"]
    for head in answers:
        assert answers[head].dtype == np.float32
        np.testing.assert_allclose(answers[head], inside[head], atol=1e-6)
        np.testing.assert_allclose(answers[head].sum(axis=1), 1, atol=1e-5)


def test_a_plain_call_drops_nothing_out(saved) -> None:
    """Keras' Resizing takes itself to be in training, and would take the layers after it along."""
    from metaopt.training.export import load

    model, _ = load(saved)
    for head, values in model(IMAGES).items():
        np.testing.assert_allclose(np.asarray(values), np.asarray(model(IMAGES, training=False)[head]), atol=1e-6)


@pytest.mark.parametrize("shape", [(30, 41), (9, 70), (40, 8), (3, 4), (16, 20)])
def test_other_sizes_are_cut_and_resized_as_for_training(saved, shape) -> None:
    import keras

    from metaopt.training.export import load

    smooth = RNG.integers(0, 256, (5, 6, 3), dtype=np.uint8)
    picture = resized(smooth, *shape)
    model, _ = load(saved)
    inside = keras.Model(model.input, model.get_layer("scale").output)
    pixels = (np.asarray(inside(picture[None]))[0] + 0.5) * 255
    assert np.abs(pixels - resized(picture, 8, 10)).max() <= 6  # of 255, where Pillow cuts between its two passes
    assert np.abs(pixels - resized(picture, 8, 10)).mean() < 0.5


def test_logits_become_probabilities() -> None:
    from metaopt.training.export import hand_out, predict

    answers = predict(hand_out([network(logits=True)], CARD, IMAGES), CARD, IMAGES)
    for values in answers.values():
        np.testing.assert_allclose(values.sum(axis=1), 1, atol=1e-5)


def test_a_sequential_model_is_handed_out(tmp_path) -> None:
    import keras

    from metaopt.training.export import hand_out, load, predict, save

    card = Card({"label": ["a", "b"]}, (8, 10, 3))
    model = keras.Sequential([keras.Input((8, 10, 3)), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")])
    save(hand_out([model], card, IMAGES), card, tmp_path / "best.keras")
    answers = predict(*load(tmp_path / "best.keras"), IMAGES)
    assert answers["label"].shape == (5, 2)


def test_the_file_has_no_optimizer(saved, tmp_path) -> None:
    with zipfile.ZipFile(saved) as archive:
        assert b"Adam" not in archive.read("config.json")
        archive.extract("model.weights.h5", tmp_path)
    names: list[str] = []
    with h5py.File(tmp_path / "model.weights.h5") as file:
        file.visit(names.append)
    assert any("conv2d" in name for name in names)
    assert not any("optimizer" in name for name in names)


def test_it_is_loaded_without_metaopt(saved) -> None:
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
    assert json.loads(result.stdout.splitlines()[-1]) == [CARD.classes, [1, 3]]


def test_a_damaged_model_is_refused_in_one_sentence(saved, tmp_path) -> None:
    from metaopt.training.export import load

    damaged = tmp_path / "damaged.keras"
    with zipfile.ZipFile(saved) as old, zipfile.ZipFile(damaged, "w") as new:
        new.writestr("metadata.json", old.read("metadata.json"))
        new.writestr("config.json", old.read("config.json"))
        new.writestr("model.weights.h5", b"nothing")
    with pytest.raises(UserError, match="cannot be loaded"):
        load(damaged)


@pytest.mark.parametrize("logits", [False, True])
def test_a_mirrored_model_answers_the_same_for_an_image_and_its_mirror_image(tmp_path, logits) -> None:
    from metaopt.blueprint.from_keras import count_keras
    from metaopt.training.export import hand_out, load, predict, save

    save(hand_out([network(logits)], CARD, IMAGES, mirror=True), CARD, tmp_path / "best.keras")
    model, card = load(tmp_path / "best.keras")
    plain = hand_out([network(logits)], CARD, IMAGES)
    one, other = predict(plain, CARD, IMAGES), predict(plain, CARD, IMAGES[:, :, ::-1])
    both, mirrored = predict(model, card, IMAGES), predict(model, card, IMAGES[:, :, ::-1])
    for head in card.classes:
        np.testing.assert_allclose(both[head], (one[head] + other[head]) / 2, atol=1e-6)
        np.testing.assert_allclose(both[head], mirrored[head], atol=1e-6)
    assert count_keras(model).macs == 2 * count_keras(plain).macs
    assert count_keras(model).params == count_keras(plain).params
