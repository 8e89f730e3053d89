"""Compilation of a model's steps before its first epoch."""

import random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from metaopt.problems.training_config import Training

pytestmark = pytest.mark.slow  # imports Keras

BATCH = 8


class Traces:
    """Counts how often the backend traces a layer."""

    def __init__(self) -> None:
        self.count = 0

    def layer(self) -> Any:
        import keras

        def call(x: Any) -> Any:
            self.count += 1
            return x

        return keras.layers.Lambda(call)


def images(count: int) -> Any:
    rng = np.random.default_rng(count)
    pixels, labels = rng.integers(0, 256, (count, 4, 4, 1), np.uint8), np.arange(count) % 2

    class Images(SimpleNamespace):
        def __len__(self) -> int:
            return count

    def batch(rows: Any) -> Any:
        return pixels[rows], {"label": labels[rows]}

    return Images(batch=batch, labels={"label": labels})


def batches_of(count: int, arrange: Any = lambda labels: labels["label"]) -> Any:
    from metaopt.training.batches import TrainingBatches

    training = Training(batch_size=BATCH)
    return TrainingBatches(images(count), "none", training, arrange, 0, 0)


def validation_of(count: int) -> Any:
    from metaopt.training.batches import Validation

    return Validation(images(count), ["label"], BATCH)


def make_model(*layers: Any, **settings: Any) -> Any:
    """Return a small compiled model that has every kind of state."""
    import keras

    from metaopt.training.variables import build_optimizer

    keras.utils.set_random_seed(1)
    body = [keras.layers.Flatten(), keras.layers.BatchNormalization(), keras.layers.Dropout(0.5)]
    head = keras.layers.Dense(2, activation="softmax", dtype="float32")
    model = keras.Sequential([keras.Input((4, 4, 1)), *body, *layers, head])
    model.compile(keras.optimizers.AdamW(use_ema=True), "sparse_categorical_crossentropy", **settings)
    build_optimizer(model)
    return model


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_model_and_random_states_are_left_as_they_were(policy: str) -> None:
    import keras

    from metaopt.training.variables import snapshot
    from metaopt.training.warm_up import compile_steps

    own = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model, fresh = make_model(), make_model()
        before = snapshot(model)
        numbers = random.getstate(), np.random.get_state()[1].tobytes()  # noqa: NPY002
        compile_steps(model, [batches_of(20)], [validation_of(5)])
        assert all(a.tobytes() == b.tobytes() for a, b in zip(before, snapshot(model), strict=True))
        assert (random.getstate(), np.random.get_state()[1].tobytes()) == numbers  # noqa: NPY002
        history = [each.fit(batches_of(20), shuffle=False, verbose=0, epochs=2).history for each in (model, fresh)]
        assert history[0] == history[1]
        assert all(a.tobytes() == b.tobytes() for a, b in zip(snapshot(fresh), snapshot(model), strict=True))
        assert any(a.tobytes() != b.tobytes() for a, b in zip(before, snapshot(model), strict=True))
    finally:
        keras.config.set_dtype_policy(own)


def test_epochs_trace_nothing_that_was_compiled_before() -> None:
    """With folds whose last batches and validation splits differ in size."""
    from metaopt.training.warm_up import compile_steps

    traces = Traces()
    model = make_model(traces.layer())
    folds, validations = [batches_of(20), batches_of(21)], [validation_of(6), validation_of(5)]
    compile_steps(model, folds, validations)
    compiled = traces.count
    assert compiled > 0
    for batches, validation in zip(folds, validations, strict=True):
        model.fit(batches, shuffle=False, verbose=0)
        assert validation.predict(model)["label"].shape == (len(validation.labels["label"]), 2)
    assert traces.count == compiled


def test_an_eager_model_has_nothing_to_compile() -> None:
    from metaopt.training.warm_up import compile_steps

    traces = Traces()
    model = make_model(traces.layer(), run_eagerly=True)
    before = traces.count
    compile_steps(model, [batches_of(20)], [validation_of(5)])
    assert traces.count == before


@pytest.mark.parametrize(("count", "expected"), [(16, {8: 0}), (20, {8: 0, 4: 2}), (5, {5: 0}), (8, {8: 0})])
def test_each_size_of_a_batch_is_compiled_once(count: int, expected: dict[int, int]) -> None:
    batches = batches_of(count)
    assert batches.first_of_each_size() == expected
    assert [len(batches[index][0]) for index in expected.values()] == list(expected)


def make_outputs(kind: str) -> Any:
    """Return a compiled model whose losses and metrics have variables, or are functions that need tensors."""
    import keras

    from metaopt.training.variables import build_optimizer

    class Subclassed(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.flatten, self.dense = keras.layers.Flatten(), keras.layers.Dense(2, activation="softmax")

        def call(self, images: Any) -> Any:
            return {"label": self.dense(self.flatten(images))}

    def rank(y: Any, predicted: Any) -> Any:
        assert y.shape.rank is not None
        return keras.ops.mean(predicted)

    metrics = [keras.metrics.SparseTopKCategoricalAccuracy(1, name="top"), *([rank] if kind == "function" else [])]
    if kind == "subclassed":
        model: Any = Subclassed()
        model(np.zeros((1, 4, 4, 1)))
        metrics = {"label": metrics}
    else:
        layers = [keras.layers.Flatten(), keras.layers.Dense(2, activation="softmax")]
        model = keras.Sequential([keras.Input((4, 4, 1)), *layers])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=metrics)
    build_optimizer(model)
    return model


@pytest.mark.parametrize("kind", ["sequential", "subclassed", "function"])
def test_a_step_is_traced_once(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorFlow traces a step again in which the variables of metrics were created."""
    import keras

    from metaopt.training.warm_up import compile_steps

    if keras.config.backend() != "tensorflow":
        pytest.skip("counts the traces of TensorFlow")
    traces: list[int] = []
    original = keras.Model.train_step

    def step(self: Any, data: Any) -> Any:
        traces.append(1)
        return original(self, data)

    monkeypatch.setattr(keras.Model, "train_step", step)
    model, expected = make_outputs(kind), make_outputs(kind)
    expected.set_weights(model.get_weights())
    batches = batches_of(20, dict) if kind == "subclassed" else batches_of(20)
    compile_steps(model, [batches])
    history = model.fit(batches, shuffle=False, verbose=0).history
    assert len(traces) == 1
    assert "top" in history
    assert history == expected.fit(batches, shuffle=False, verbose=0).history


def test_what_cannot_be_created_before_is_created_in_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    from metaopt.training.warm_up import compile_steps

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("no symbolic outputs")

    monkeypatch.setattr(keras.Model, "_symbolic_build", fail)
    model = make_model(metrics=["accuracy"])
    compile_steps(model, [batches_of(20)])
    assert "accuracy" in model.fit(batches_of(20), shuffle=False, verbose=0).history


def test_a_model_with_its_own_step_is_left_to_keras() -> None:
    import keras

    from metaopt.training.variables import build_optimizer
    from metaopt.training.warm_up import compile_steps

    class Own(keras.Model):
        n_losses = 0

        def compute_loss(
            self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
        ) -> Any:
            self.n_losses += 1
            return keras.ops.mean(y_pred)

    inputs = keras.Input((4, 4, 1))
    model = Own(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inputs)))
    model.compile("sgd")
    build_optimizer(model)
    compile_steps(model, [batches_of(8)])
    assert model.n_losses == 1  # the trace of the step
