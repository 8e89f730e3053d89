"""The final training on the digits with a tiny network."""

import json
import subprocess
import sys

import numpy as np
import pytest

from metaopt.blueprint import (
    BatchNormalization,
    Blueprint,
    Conv2D,
    Dense,
    Flatten,
    Input,
    ShakeDrop,
    ShakeShake,
)
from metaopt.data import DataSpec, load
from metaopt.errors import UserError
from metaopt.problems.problem import Problem
from metaopt.problems.training_config import Training

pytestmark = pytest.mark.slow


def network(point, input_shape, classes) -> Blueprint:
    inputs = Input(input_shape)
    x = Flatten()(inputs)
    return Blueprint(
        inputs, {head: Dense(n, activation="softmax", kernel_regularizer=0.01)(x) for head, n in classes.items()}
    )


def training(point) -> Training:
    return Training(optimizer="SGD", learning_rate=point["rate"], batch_size=300)


def build_model(point, input_shape, classes):
    """A model with logits as its output."""
    import keras

    model = keras.Sequential([keras.Input(input_shape), keras.layers.Flatten(), keras.layers.Dense(classes["label"])])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


PROBLEM = Problem(space=None, network=network, training=training, name="tiny")


@pytest.fixture(scope="module")
def digits():
    return load(DataSpec("digits", augment="shift"))


def test_retrain_uses_all_but_test_images_and_the_seed(digits, tmp_path) -> None:
    from metaopt.training.event_file import can_log
    from metaopt.training.retraining import retrain

    said, steps = [], []
    log = tmp_path if can_log() else None
    made = [
        retrain(
            PROBLEM,
            {"rate": 0.1},
            digits,
            epochs=2,
            seed=seed,
            log=log,
            report=lambda *epoch: said.append(epoch),
            report_step=lambda *step: steps.append(step),
        )
        for seed in (4, 4, 5)
    ]
    same, again, other = ([weight.tolist() for weight in one.network.get_weights()] for one in made)
    assert same == again != other
    assert [epoch for epoch, _, _ in said] == [1, 2] * 3
    assert said[0][1] > said[1][1] > 0
    count = -(-len(digits.everything()) // 300)
    assert steps == [(epoch, pytest.approx(step / count)) for epoch in (1, 2) for step in range(1, count + 1)] * 3
    first = made[0]
    assert first.final["loss"] == said[1][1]
    assert 0 < first.final["train"] < first.final["loss"]
    assert first.penalties > 0
    assert first.counts.params == 65 * 10
    assert int(first.network.optimizer.iterations) == 2 * count
    assert log is None or len(list(log.glob("events*"))) == 3


def test_a_model_of_build_model_is_retrained(digits) -> None:
    from metaopt.training.retraining import retrain

    made = retrain(Problem(space=None, build_model=build_model), {"batch_size": 500}, digits, epochs=1, seed=0)
    assert made.counts.params == 65 * 10
    assert set(made.final) == {"loss"}
    assert made.heads == ["label"]
    with pytest.raises(UserError, match=r"mixup has no effect on slow\.py: its build_model compiles a loss"):
        retrain(
            Problem(None, build_model=build_model, name="slow.py"), {}, digits, epochs=1, seed=0, recipe={"mixup": 0.2}
        )


def test_custom_layers_are_replaced_in_the_exported_model(digits, tmp_path) -> None:
    """The file predicts in a process in which metaopt cannot be imported."""
    import keras

    from metaopt.training.batches import scale
    from metaopt.training.export import export_model, save_model
    from metaopt.training.model_file import ModelMetadata
    from metaopt.training.retraining import retrain

    def shaken(point, input_shape, classes) -> Blueprint:
        inputs = Input(input_shape)
        branches = [Conv2D(4, 3, activation="relu")(inputs) for _ in range(3)]
        x = Flatten()(BatchNormalization()(ShakeDrop(0.25)(ShakeShake()(branches))))
        return Blueprint(inputs, {head: Dense(n, activation="softmax")(x) for head, n in classes.items()})

    problem = Problem(space=None, network=shaken, training=training, name="shaken")
    made = retrain(problem, {"rate": 0.1}, digits, epochs=2, seed=4)
    assert made.counts.params == shaken({}, digits.input_shape, digits.classes).params
    images = digits.validation.batch(range(20))[0]
    trained = shaken({}, digits.input_shape, digits.classes).to_keras()  # with the training layers
    trained.set_weights(made.network.get_weights())
    expected = trained.predict_on_batch(scale(images))["label"]
    metadata = ModelMetadata(digits.class_names, digits.input_shape, {})
    path = tmp_path / "best.keras"
    save_model(export_model([made.network], metadata, images), metadata, path)
    np.save(tmp_path / "images.npy", images)
    code = (
        "import sys, numpy, keras; sys.modules['metaopt'] = None;"
        f"model = keras.saving.load_model({str(path)!r});"
        f"print(model.predict(numpy.load({str(tmp_path / 'images.npy')!r}), verbose=0)['label'].tolist())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    np.testing.assert_allclose(json.loads(run.stdout.splitlines()[-1]), expected, atol=1e-5)
    keras.utils.clear_session()


def test_a_diverging_training_raises(digits) -> None:
    from metaopt.training.retraining import retrain

    with pytest.raises(UserError, match=r"The training diverged: its loss became .* in epoch 1"):
        retrain(PROBLEM, {"rate": 1e38}, digits, epochs=2, seed=0)


def test_divergence_in_the_last_step_raises(digits) -> None:
    """The loss of an epoch of a single step is computed before that step."""
    from metaopt.training.retraining import retrain

    one_step = Problem(None, network, lambda _: Training("SGD", learning_rate=float("inf"), batch_size=10_000))
    with pytest.raises(UserError, match=r"its last step left weights that are NaN or infinite\. Nothing was saved"):
        retrain(one_step, {}, digits, epochs=1, seed=0)


def test_a_point_of_another_space_raises(digits) -> None:
    from metaopt.training.retraining import retrain

    with pytest.raises(UserError, match="The point does not fit tiny: KeyError: 'rate'"):
        retrain(PROBLEM, {}, digits, epochs=1, seed=0)


def test_penalties_of_activations_do_not_count(digits) -> None:
    """After a training they are tensors of its graph, which have no value."""
    from metaopt.training.retraining import retrain

    def penalised(point, input_shape, classes):
        import keras

        hidden = keras.layers.Dense(4, activity_regularizer="l2", kernel_regularizer="l2")
        output = keras.layers.Dense(classes["label"], activation="softmax")
        model = keras.Sequential([keras.Input(input_shape), keras.layers.Flatten(), hidden, output])
        model.compile("adam", "sparse_categorical_crossentropy")
        return model

    found = retrain(Problem(None, build_model=penalised), {}, digits, epochs=1, seed=0)
    assert found.penalties > 0
