"""Descriptions of Keras models, and their copies under other configurations."""

from typing import Any

import numpy as np
import pytest

from metaopt.errors import UserError
from metaopt.evolving.activations import HIDDEN
from metaopt.problems.augmentation_policy import AugmentationPolicy
from tests.training.evolving import models

pytestmark = pytest.mark.slow  # imports Keras


def recipe_of(model: Any, batch_size: int = 32, n_examples: int = 100) -> Any:
    from metaopt.training.evolving.recipe import Recipe

    return Recipe.of(model, batch_size, n_examples)


def layer_of(model: Any, kind: str, number: int = 0) -> Any:
    return [layer for layer in model.layers if type(layer).__name__ == kind][number]


def test_a_dense_classifier_is_described() -> None:
    network = recipe_of(models.dense()).network
    assert network.initial == {
        "optimizer": "Adam", "learning_rate": 0.001, "momentum": 0.0, "weight_decay": 0.0, "batch_size": 32, "l2": 0.0,
        "label_smoothing": 0.0, "activation_dense_1": "relu", "dropout_dropout_1": 0.2,
    }  # fmt: skip
    assert network.tasks == {"output": "classes"}
    assert network.notes == ()
    assert "activation_classes" not in network.by_label, "a softmax stays"


def test_names_do_not_depend_on_the_models_built_before() -> None:
    from metaopt.training.evolving.identity import identify_model

    one, other = recipe_of(models.dense()), recipe_of(models.dense(seed=1))
    wrapped = [recipe_of(models.recurrent()) for _ in range(2)]
    for these, those in ((one, other), wrapped):
        assert these.config != those.config
        assert these.network == those.network
        assert identify_model(these) == identify_model(those)
    assert identify_model(one) != identify_model(recipe_of(models.dense("sgd")))
    assert identify_model(one) != identify_model(recipe_of(models.dense(loss=lambda true, predicted: 0.0)))


def test_a_convolutional_network_is_described_and_changed() -> None:
    recipe = recipe_of(models.convolutional())
    initial = recipe.network.initial
    assert {label: value for label, value in initial.items() if label.startswith("activation")} == {
        "activation_conv2d_1": "relu", "activation_re_lu_1": "relu6",
    }  # fmt: skip
    assert (initial["l2"], initial["augmentation"], initial["optimizer"], initial["momentum"]) == (
        2e-3,
        1.0,
        "SGD",
        0.9,
    )
    changes = {"activation_re_lu_1": "tanh", "activation_conv2d_1": "gelu", "augmentation": 2.0, "l2": 4e-3}
    model = recipe.build({**initial, **changes, "label_smoothing": 0.1, "batch_size": 64})
    assert layer_of(model, "Activation").activation.__name__ == "tanh"
    assert layer_of(model, "Conv2D").activation.__name__ == "gelu"
    assert layer_of(model, "Conv2D").kernel_regularizer.l2 == pytest.approx(2e-3), "half of the largest, as before"
    assert layer_of(model, "Dense").kernel_regularizer.l2 == pytest.approx(4e-3)
    translation = layer_of(model, "RandomTranslation")
    assert (translation.height_factor, translation.width_factor) == (0.2, 0.4)
    assert model.loss._fn_kwargs["label_smoothing"] == 0.1
    assert all((a == b).all() for a, b in zip(model.get_weights(), recipe.weights, strict=True))


def test_a_recurrent_network_with_a_custom_activation_is_described() -> None:
    network = recipe_of(recurrent := models.recurrent()).network
    assert network.notes == ("The custom activation of the layer dense_1 is left alone.",)
    assert network.initial["activation_forward_lstm"] == "tanh"
    assert network.by_label["optimizer"].options[0] == "Adamax"
    assert network.tasks == {"output": "numbers"}
    assert "label_smoothing" not in network.by_label
    copy = recipe_of(recurrent).build({**network.initial, "activation_forward_lstm": "elu"})
    assert copy.layers[0].forward_layer.activation.__name__ == "elu"
    assert copy.layers[1].activation is recurrent.layers[1].activation
    inputs = np.ones((2, 5, 2), np.float32)
    same = recipe_of(recurrent).build(network.initial)
    assert same.predict_on_batch(inputs) == pytest.approx(recurrent.predict_on_batch(inputs))


def test_the_output_of_an_autoencoder_keeps_its_range() -> None:
    recipe = recipe_of(models.autoencoder())
    by_label = recipe.network.by_label
    (output,) = [each for each in by_label.values() if each.layer == "pixels"]
    assert output.options == ("sigmoid", "hard_sigmoid")
    assert by_label["activation_middle"].options == ("elu", *(each for each in HIDDEN if each != "elu"))
    model = recipe.build({**recipe.network.initial, "activation_middle": "tanh"})
    assert model.get_layer("encoder").get_layer("middle").activation.__name__ == "tanh"


def test_a_loss_that_is_not_known_is_said() -> None:
    network = recipe_of(models.dense(loss=lambda true, predicted: true - predicted)).network
    assert network.tasks == {"output": "other"}
    assert "label_smoothing" not in network.by_label
    (note,) = network.notes
    assert note.startswith("The loss is none that metaopt knows: its output keeps its activation")


def test_an_adapted_normalization_keeps_its_statistics() -> None:
    import keras

    examples = np.random.default_rng(0).normal(5, 3, (40, 6)).astype(np.float32)
    normalization = keras.layers.Normalization()
    normalization.adapt(examples)
    outputs = keras.layers.Dense(2, activation="softmax")
    model = keras.Sequential([keras.Input((6,)), normalization, outputs])
    model.compile("adam", "sparse_categorical_crossentropy")
    recipe = recipe_of(model)
    copied = recipe.build(recipe.network.initial)
    np.testing.assert_allclose(copied(examples), model(examples), rtol=1e-5)


def test_a_batch_is_at_most_the_data() -> None:
    size = recipe_of(models.dense(), batch_size=128, n_examples=50).network.by_label["batch_size"]
    assert (size.initial, size.low, size.high) == (50, 4, 50)


def test_a_recipe_is_sent_to_other_processes() -> None:
    import pickle

    import cloudpickle
    import keras

    class Own(keras.losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return keras.ops.abs(y_true - y_pred)

    recipe = recipe_of(models.dense(loss=Own(), metrics=None))
    other = pickle.loads(cloudpickle.dumps(recipe))
    assert type(other.compilation["loss"]).__name__ == "Own"
    assert other.build(recipe.network.initial).count_params() > 0


def test_a_model_that_was_trained_keeps_the_state_of_its_optimizer() -> None:
    model = models.dense()
    model.fit(*models.blobs(), verbose=0)
    recipe = recipe_of(model)
    copy = recipe.build(recipe.network.initial)
    recipe.begin(copy, recipe.network.initial)
    mine, theirs = (each.optimizer.variables for each in (copy, model))
    assert all((a.numpy() == b.numpy()).all() for a, b in zip(mine, theirs, strict=True))
    assert int(copy.optimizer.iterations) == 2


def test_label_smoothing_of_class_indices_is_that_of_probabilities() -> None:
    import keras

    from metaopt.training.evolving.losses import smoothed

    classes, predicted = np.array([0, 2, 1]), np.array([[0.2, 0.3, 0.5], [0.1, 0.1, 0.8], [0.3, 0.4, 0.3]], np.float32)
    expected = keras.losses.CategoricalCrossentropy(label_smoothing=0.1)(np.eye(3)[classes], predicted)
    for targets in (classes, classes[:, None]):
        assert float(smoothed("sparse_categorical_crossentropy", 0.1)(targets, predicted)) == pytest.approx(
            float(expected)
        )
    assert smoothed("mse", 0.1) == "mse"
    assert smoothed("binary_crossentropy", 0.2)._fn_kwargs["label_smoothing"] == 0.2


def test_a_schedule_of_the_learning_rate_is_scaled() -> None:
    import keras

    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    recipe = recipe_of(models.dense(keras.optimizers.SGD(schedule)))
    assert recipe.network.initial["learning_rate"] == pytest.approx(0.1)
    optimizer = recipe.build({**recipe.network.initial, "learning_rate": 0.2}).optimizer
    optimizer.iterations.assign(10)
    assert float(optimizer.learning_rate) == pytest.approx(0.1)
    other = recipe.build({**recipe.network.initial, "optimizer": "Lion", "learning_rate": 0.2}).optimizer
    assert float(other.learning_rate) == pytest.approx(0.2)


def test_clipping_stays_with_another_optimizer() -> None:
    import keras

    recipe = recipe_of(models.dense(keras.optimizers.Adam(beta_1=0.8, clipnorm=2.0)))
    initial = recipe.network.initial
    assert recipe.build({**initial, "optimizer": "SGD", "momentum": 0.9}).optimizer.clipnorm == 2.0
    again = recipe.build({**initial, "weight_decay": 0.01}).optimizer
    assert (again.beta_1, again.weight_decay) == (0.8, 0.01)


@pytest.fixture(scope="module")
def trained() -> dict[str, Any]:
    """Optimizer → its recipe, configuration and variables by name, and the state of a trained network."""
    from metaopt.training.variables import snapshot

    found = {}
    for name in ("Adam", "RMSprop", "SGD"):
        recipe = recipe_of(models.dense())
        configuration = {**recipe.network.initial, "optimizer": name, "momentum": 0.9}
        model = recipe.build(configuration)
        model.fit(*models.blobs(), verbose=0)
        variables = {each.name.split("_", 1)[-1]: each.numpy() for each in model.optimizer.variables}
        found[name] = recipe, configuration, variables, snapshot(model)[len(model.variables) :]
    return found


@pytest.mark.parametrize(
    ("before", "after", "shared"),
    [("Adam", "AdamW", 8), ("Adam", "RMSprop", 4), ("RMSprop", "Adam", 0), ("Adam", "Nadam", 8), ("SGD", "Lion", 0)],
)
def test_slots_that_hold_the_same_are_taken_over(trained: Any, before: str, after: str, shared: int) -> None:
    from metaopt.training.evolving.optimizers import adopt_state

    recipe, configuration, known, state = trained[before]
    fresh = recipe.build({**configuration, "optimizer": after})
    adopt_state(fresh, recipe.make_optimizer(configuration, fresh), state)
    slots = [each for each in fresh.optimizer.variables if each.name.endswith(("_momentum", "_velocity"))]
    taken = [(known[each.name.split("_", 1)[-1]] == each.numpy()).all() for each in slots] if shared else []
    assert sum(taken) == shared
    assert int(fresh.optimizer.iterations) == (2 if shared else 0)
    if not shared:
        assert not any(each.numpy().any() for each in slots)


@pytest.mark.parametrize(("own", "decay"), [("AdamW", 0.0), ("Adam", 0.0), ("AdamW", 1e-3)])
def test_adamw_has_the_weight_decay_of_the_configuration(own: str, decay: float) -> None:
    import keras

    optimizer = keras.optimizers.AdamW(weight_decay=0.0) if own == "AdamW" else keras.optimizers.Adam()
    recipe = recipe_of(models.dense(optimizer))
    made = recipe.build({**recipe.network.initial, "optimizer": "AdamW", "weight_decay": decay})
    assert made.optimizer.weight_decay == decay


def test_a_policy_outside_of_the_model_has_a_strength() -> None:
    from metaopt.training.evolving.identity import identify_model
    from metaopt.training.evolving.recipe import Recipe

    policy = AugmentationPolicy(flip=0.5, rotate=10)
    plain, recipe = recipe_of(models.dense()), Recipe.of(models.dense(), 32, 100, policy)
    assert "augmentation" not in plain.network.initial
    assert plain.policy_of(plain.network.initial) is None
    initial = recipe.network.initial
    stronger = {**initial, "augmentation": 2.0}
    assert recipe.policy_of(initial) == policy
    assert recipe.policy_of(stronger) == AugmentationPolicy(flip=0.5, rotate=20)
    assert recipe.key(stronger) == recipe.key(initial), "one compiled program trains both"
    assert recipe.key({**initial, "dropout_dropout_1": 0.3}) != recipe.key(initial)
    assert identify_model(recipe) != identify_model(plain)


def test_a_policy_needs_images_of_a_data_set() -> None:
    from metaopt.training.evolving.preparation import prepare

    data = np.zeros((10, 4), np.float32), np.zeros(10, np.int32)
    with pytest.raises(UserError, match="Expected None for arrays: a policy needs a data set"):
        prepare(models.dense(), data, None, AugmentationPolicy(rotate=10))
