"""Temperature scaling: the fit, and its layers in an exported model."""

import numpy as np
import pytest

from metaopt.outputs import ClassOutput, LabelOutput, NumberOutput
from metaopt.training.temperature import fit_temperature, fit_temperatures, scale_probabilities

RNG = np.random.default_rng(0)
CLASSES = ClassOutput.of(3)
LABELS = LabelOutput(("a", "b"))


def softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (exponentials / exponentials.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_temperature_is_the_factor_of_the_logits(factor: float) -> None:
    logits = RNG.normal(0, 2, (5000, 3))
    true = np.array([RNG.choice(3, p=p / p.sum()) for p in softmax(logits).astype(float)])
    assert fit_temperature(CLASSES, softmax(factor * logits), true) == pytest.approx(factor, rel=0.1)
    logits = RNG.normal(0, 2, (5000, 2))
    is_true = RNG.random((5000, 2)) < 1 / (1 + np.exp(-logits))
    p = 1 / (1 + np.exp(-factor * logits))
    assert fit_temperature(LABELS, p.astype(np.float32), is_true) == pytest.approx(factor, rel=0.1)


def test_images_that_are_all_right_do_not_make_a_model_certain() -> None:
    p = np.tile(np.array([[0.9, 0.05, 0.05]], np.float32), (20, 1))
    assert fit_temperature(CLASSES, p, np.zeros(20, int)) == 1
    assert fit_temperature(LABELS, p[:, :2], np.tile([1, 0], (20, 1))) == 1


def test_only_probabilities_have_a_temperature() -> None:
    outputs = {"kind": CLASSES, "age": NumberOutput(("age",))}
    p = softmax(RNG.normal(0, 1, (10, 3)))
    assert list(fit_temperatures(outputs, {"kind": p, "age": p}, {"kind": p.argmax(axis=1), "age": p})) == ["kind"]


def test_no_prediction_changes() -> None:
    p = softmax(RNG.normal(0, 20, (500, 3)))
    assert (scale_probabilities(CLASSES, p, 5.0).argmax(axis=1) == p.argmax(axis=1)).all()
    assert scale_probabilities(CLASSES, p, 1.0) == pytest.approx(p, abs=1e-6)
    assert scale_probabilities(LABELS, p, 1.0) == pytest.approx(p, abs=1e-6)


@pytest.mark.slow
def test_the_exported_model_holds_the_temperature(tmp_path) -> None:
    import keras

    from metaopt.training.export import export_model, load_model, predict, save_model
    from metaopt.training.model_file import ModelMetadata

    inputs = keras.Input((4, 4, 1))
    flat = keras.layers.Flatten()(inputs)
    heads = {
        "kind": keras.layers.Dense(3, "softmax", kernel_initializer=keras.initializers.RandomNormal(0, 3))(flat),
        "tags": keras.layers.Dense(2, "sigmoid", kernel_initializer=keras.initializers.RandomNormal(0, 3))(flat),
    }
    network = keras.Model(inputs, heads)
    metadata = ModelMetadata.of({"kind": CLASSES, "tags": LABELS}, (4, 4, 1))
    images = RNG.integers(0, 256, (50, 4, 4, 1), dtype=np.uint8)
    plain = predict(export_model([network], metadata, images), metadata, images)
    temperatures = {"kind": 2.5, "tags": 0.7}
    path = tmp_path / "model.keras"
    save_model(export_model([network], metadata, images, temperatures=temperatures), metadata, path)
    scaled = predict(*load_model(path), images)
    for head, output in metadata.outputs.items():
        expected = scale_probabilities(output, plain[head], temperatures[head])
        assert scaled[head] == pytest.approx(expected, abs=1e-5)
