"""Builders of Keras models: the same interface for blueprints and for a user's ``build_model``."""

from typing import Any

import numpy as np
import pytest

from metaopt.blueprint import Blueprint, Conv2D, Dense, Flatten, Input
from metaopt.data import DataSet
from metaopt.errors import UserError
from metaopt.problems.problem import Problem
from metaopt.problems.training_config import Training
from metaopt.training import NetworkRefused
from metaopt.zoo import wide_resnet

pytestmark = pytest.mark.slow  # imports Keras

POINT = {"kernel": 3}


def network(point: Any, input_shape: tuple[int, ...], classes: Any) -> Blueprint:
    x = inputs = Input(input_shape)
    x = Flatten()(Conv2D(2, point["kernel"])(x))
    return Blueprint(inputs, {head: Dense(n, activation="softmax")(x) for head, n in classes.items()})


def build_model(point: Any, input_shape: tuple[int, ...], classes: Any) -> Any:
    """Return the network of the blueprint, compiled with an optimizer without state."""
    import keras

    inputs = keras.Input(input_shape)
    x = keras.layers.Flatten()(keras.layers.Conv2D(2, point["kernel"])(inputs))
    outputs = {head: keras.layers.Dense(n, activation="softmax", name=head)(x) for head, n in classes.items()}
    model = keras.Model(inputs, outputs)
    model.compile("sgd", dict.fromkeys(classes, "sparse_categorical_crossentropy"))
    return model


PROBLEMS = [Problem(None, network), Problem(None, build_model=build_model)]
BOTH = pytest.mark.parametrize("problem", PROBLEMS, ids=["blueprint", "build_model"])
PARAMS = 2 * 9 + 2 + (72 * 4 + 4) + (72 * 2 + 2)
MACS = 36 * 9 * 2 + 72 * 4 + 72 * 2


def make_builder(problem: Any, data: DataSet, point: Any = None) -> Any:
    from metaopt.training import network_builder

    return network_builder.make_builder(problem, POINT if point is None else point, data)


def compile_network(builder: Any) -> Any:
    return builder.compile(Training(batch_size=50), 4, (3,))


@BOTH
def test_network_has_the_shapes_of_the_data(problem: Problem, tiny: DataSet) -> None:
    builder = make_builder(problem, tiny)
    for model in (builder.build(), compile_network(builder)):
        assert model.input_shape == (None, 8, 8, 1)
        assert {head: output.shape for head, output in model.output.items()} == {"fine": (None, 4), "coarse": (None, 2)}
        assert [tuple(array.shape) for array in model.get_weights()][:2] == [(3, 3, 1, 2), (2,)]


@pytest.mark.parametrize("builds_itself", [False, True])
def test_weights_of_a_subclassed_model_are_created(tiny: DataSet, builds_itself: bool) -> None:
    import keras

    class Classifier(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.flatten = keras.layers.Flatten()
            self.dense = keras.layers.Dense(4, activation="softmax")

        def call(self, images: Any) -> Any:
            return self.dense(self.flatten(images))

    def build_subclass(point: Any, input_shape: tuple[int, ...], classes: Any) -> Any:
        model = Classifier()
        model.compile("sgd", "sparse_categorical_crossentropy")
        if builds_itself:  # Keras marks it as built, without any weights
            model.build((None, *input_shape))
        return model

    model = make_builder(Problem(None, build_model=build_subclass), tiny).build()
    assert [tuple(array.shape) for array in model.get_weights()] == [(64, 4), (4,)]


@BOTH
def test_counts_are_equal_for_both_ways(problem: Problem, tiny: DataSet) -> None:
    builder = make_builder(problem, tiny)
    bounds = {"params": PARAMS, "macs": MACS, "memory": 1e9}
    counts = builder.counts(compile_network(builder), Training(batch_size=50), bounds)
    assert counts == {"params": PARAMS, "macs": MACS}


@BOTH
def test_heads_are_those_of_the_data_in_their_order(problem: Problem, tiny: DataSet) -> None:
    builder = make_builder(problem, tiny)
    assert builder.heads(builder.build()) == ["fine", "coarse"]


@BOTH
def test_network_for_inference_gives_the_same_answers(problem: Problem, tiny: DataSet) -> None:
    builder = make_builder(problem, tiny)
    model = builder.build()
    assert builder.for_inference(model) is model  # made of layers of Keras already


def test_custom_layers_are_replaced_for_inference(tiny: DataSet) -> None:
    point = {
        **wide_resnet.default_point,
        **dict.fromkeys([f"nr_residual_blocks_{group}" for group in (1, 2, 3)], 1),
        **dict.fromkeys([f"widen_factor_{group}" for group in (1, 2, 3)], 0.5),
        **{"initial_filters": 8, "res_branches_1": 2, "death_rate": 0.5},
    }
    builder = make_builder(wide_resnet, tiny, point)
    model = builder.build()
    exported = builder.for_inference(model)
    assert all(type(layer).__module__.startswith("keras.") for layer in exported.layers)
    assert not all(type(layer).__module__.startswith("keras.") for layer in model.layers)
    images = np.random.default_rng(0).normal(size=(3, 8, 8, 1)).astype("float32")
    for head, answers in model.predict_on_batch(images).items():
        assert np.asarray(exported.predict_on_batch(images)[head]) == pytest.approx(np.asarray(answers), abs=1e-5)


def test_blueprint_is_compiled_as_training_says(tiny: DataSet) -> None:
    model = make_builder(PROBLEMS[0], tiny).compile(Training("RMSprop", 0.02, schedule="cosine"), 4, (3,))
    assert type(model.optimizer).__name__ == "RMSprop"
    assert float(model.optimizer.learning_rate) == pytest.approx(0.02)
    assert model.optimizer.get_config()["learning_rate"]["class_name"] == "AnnealedCycles"


def test_unknown_optimizer_of_a_blueprint_is_an_error(tiny: DataSet) -> None:
    with pytest.raises(UserError, match="Invalid value for optimizer: Adamm"):
        make_builder(PROBLEMS[0], tiny).compile(Training("Adamm"), 4, (3,))


def test_build_model_compiles_itself(tiny: DataSet) -> None:
    model = make_builder(PROBLEMS[1], tiny).compile(Training("RMSprop", 0.02), 4, (3,))
    assert type(model.optimizer).__name__ == "SGD"


def test_build_model_may_return_an_unbuilt_model(tiny: DataSet) -> None:
    import keras

    def unbuilt(point: Any, input_shape: Any, classes: Any) -> Any:
        model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(classes["fine"])])
        model.compile("adam", "mse")
        return model

    builder = make_builder(Problem(None, build_model=unbuilt), tiny)
    model = builder.build()
    assert [tuple(array.shape) for array in model.get_weights()] == [(64, 4), (4,)]
    assert builder.heads(model) == ["fine"]  # fewer than the data have


def test_impossible_shape_is_an_invalid_architecture(tiny: DataSet) -> None:
    with pytest.raises(NetworkRefused) as refused:
        compile_network(make_builder(PROBLEMS[1], tiny, {"kernel": 9}))
    assert refused.value.reason == "invalid architecture"
    assert refused.value.detail
    assert "\n" not in refused.value.detail


def test_refusal_of_build_model_keeps_its_reason(tiny: DataSet) -> None:
    def refuse(*_: Any) -> Any:
        raise NetworkRefused("params", "Too many.")

    with pytest.raises(NetworkRefused) as refused:
        compile_network(make_builder(Problem(None, build_model=refuse), tiny))
    assert (refused.value.reason, refused.value.detail) == ("params", "Too many.")


@pytest.mark.parametrize(
    ("bounds", "reason", "detail"),
    [
        ({"params": PARAMS - 1}, "params", f"params is {PARAMS}, more than the limit of {PARAMS - 1}."),
        ({"macs": 100, "params": PARAMS}, "macs", f"macs is {MACS:,}, more than the limit of 100."),
        ({"memory": 1000.0}, "memory", "memory is "),
    ],
)
def test_exceeded_bound_is_named(tiny: DataSet, bounds: dict[str, float], reason: str, detail: str) -> None:
    builder = make_builder(PROBLEMS[1], tiny)
    with pytest.raises(NetworkRefused) as refused:
        builder.counts(compile_network(builder), Training(batch_size=50), bounds)
    assert refused.value.reason == reason
    assert refused.value.detail.startswith(detail)


def test_layers_without_a_count_are_named_and_no_limit_is_kept(tiny: DataSet) -> None:
    def with_own_layer(*arguments: Any) -> Any:
        import keras

        model = build_model(*arguments)
        inputs = keras.Input(model.input_shape[1:])
        outputs = model(keras.layers.Lambda(lambda x: x)(inputs))
        model = keras.Model(inputs, outputs)
        model.compile("sgd", dict.fromkeys(["fine", "coarse"], "sparse_categorical_crossentropy"))
        return model

    builder = make_builder(Problem(None, build_model=with_own_layer), tiny)
    model = compile_network(builder)
    with pytest.raises(NetworkRefused, match=r"macs cannot be counted: no rule covers the layers Lambda\.$"):
        builder.counts(model, Training(batch_size=50), {"macs": 1e9})
    assert builder.counts(model, Training(batch_size=50), {"params": 1e9}).keys() == {"params"}
    assert builder.uncounted == ("Lambda",)


def test_memory_bound_counts_the_state_of_the_optimizer(tiny: DataSet) -> None:
    """An optimizer with two slots for each weight exceeds a bound that one without slots meets."""

    def with_adam(*arguments: Any) -> Any:
        model = build_model(*arguments)
        model.compile("adam", dict.fromkeys(["fine", "coarse"], "sparse_categorical_crossentropy"))
        return model

    training = Training(batch_size=1)
    needed = []
    for function in (build_model, with_adam):
        builder = make_builder(Problem(None, build_model=function), tiny)
        with pytest.raises(NetworkRefused) as refused:
            builder.counts(compile_network(builder), training, {"memory": 0})
        needed.append(int(refused.value.detail.split()[2].rstrip(",").replace(",", "")))
    assert needed[1] - needed[0] >= 2 * 4 * PARAMS


def test_module_and_class_are_problems(tiny: DataSet) -> None:
    class OwnProblem:
        build_model = staticmethod(build_model)

    from metaopt.training.network_builder import BlueprintBuilder, KerasModelBuilder

    assert isinstance(make_builder(OwnProblem, tiny), KerasModelBuilder)
    assert isinstance(make_builder(wide_resnet, tiny), BlueprintBuilder)
