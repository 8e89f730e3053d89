"""Checks of what ``build_model`` returns."""

from collections.abc import Callable
from typing import Any

import pytest

from metaopt.errors import UserError

pytestmark = pytest.mark.slow  # imports Keras

SHAPE, CLASSES = (4, 4, 1), {"fine": 3, "coarse": 2}


def model(units: Any = (3, 2), shape: Any = SHAPE, names: Any = None, pool: bool = True) -> Any:
    import keras

    inputs = keras.Input(shape)
    x = keras.layers.Flatten()(inputs) if pool else inputs
    outputs = [keras.layers.Dense(count, activation="softmax")(x) for count in units]
    if names is not None:
        return keras.Model(inputs, dict(zip(names, outputs, strict=True)))
    return keras.Model(inputs, outputs[0] if len(outputs) == 1 else outputs)


@pytest.mark.parametrize(
    ("returned", "sentence"),
    [
        (lambda: None, r"returned None\. It has to end with `return model`"),
        (lambda: (model(), 1), r"returned a tuple\. It has to return a compiled keras\.Model on its own"),
        (lambda: "model", r"returned a str\. It has to return a compiled"),
    ],
)
def test_something_else_than_a_model_is_refused(returned: Callable[[], Any], sentence: str) -> None:
    from metaopt.training.built_model import WrongModel, check_kind

    with pytest.raises(WrongModel, match=sentence):
        check_kind(returned())


def test_a_model_that_cannot_be_trained_is_refused() -> None:
    from metaopt.training.built_model import WrongModel, check_compiled

    network = model()
    with pytest.raises(WrongModel, match=r"not compiled\. It has to call model.compile"):
        check_compiled(network)
    network.compile("adam")
    with pytest.raises(WrongModel, match="without a loss"):
        check_compiled(network)
    network.compile("adam", ["sparse_categorical_crossentropy"] * 2)
    check_compiled(network)


@pytest.mark.parametrize("options", [{}, {"units": (3,)}, {"names": ("fine", "coarse")}])
def test_outputs_for_all_or_the_first_heads_pass(options: dict[str, Any]) -> None:
    from metaopt.training.built_model import check_shapes

    check_shapes(model(**options), SHAPE, CLASSES)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"units": (5,)}, r"head fine has the shape \(None, 5\)\. It has to be \(batch, 3\)"),
        ({"units": (3, 3)}, r"head coarse has the shape \(None, 3\)"),
        ({"units": (3, 2, 2)}, r"with 3 outputs\. It has to have one for each head of the data: fine, coarse"),
        ({"names": ("fine", "rough")}, r"named fine, rough\. .* heads of the data: fine, coarse"),
        ({"shape": (8, 8, 3)}, r"takes inputs of shape \(None, 8, 8, 3\).*images of shape \(4, 4, 1\)"),
        ({"units": (3,), "pool": False}, r"has the shape \(None, 4, 4, 3\)"),
    ],
)
def test_a_model_of_other_shapes_is_refused(options: dict[str, Any], sentence: str) -> None:
    from metaopt.training.built_model import WrongModel, check_shapes

    with pytest.raises(WrongModel, match=sentence):
        check_shapes(model(**options), SHAPE, CLASSES)


def test_a_lambda_layer_is_told_before_training() -> None:
    import keras

    from metaopt.training.export import find_loading_problem
    from metaopt.training.model_file import ModelMetadata

    metadata = ModelMetadata({"label": ["a", "b", "c"]}, SHAPE)
    assert find_loading_problem(model((3,)), metadata) is None
    layers = [keras.layers.Lambda(lambda x: x * 2), keras.layers.Flatten(), keras.layers.Dense(3, activation="softmax")]
    reason = find_loading_problem(keras.Sequential([keras.Input(SHAPE), *layers]), metadata)
    assert reason is not None
    assert "lambda" in reason.lower()


def test_a_model_that_keras_cannot_save_is_refused() -> None:
    import keras

    from metaopt.training.export import find_loading_problem
    from metaopt.training.model_file import ModelMetadata

    class Scale(keras.layers.Layer):
        def __init__(self, factor: Any) -> None:
            super().__init__()
            self.factor = factor

        def call(self, x: Any) -> Any:
            return x * 2

        def get_config(self) -> dict[str, Any]:
            raise NotImplementedError("no configuration")

    layers = [Scale(object()), keras.layers.Flatten(), keras.layers.Dense(3, activation="softmax")]
    with pytest.raises(UserError, match="cannot save this model: no configuration"):
        find_loading_problem(keras.Sequential([keras.Input(SHAPE), *layers]), ModelMetadata({"label": [*"abc"]}, SHAPE))
