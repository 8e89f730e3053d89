import keras
import pytest
from keras import layers

from metaopt.training.weight_transfer.graph import Graph, LayerCall, build_graph

pytestmark = pytest.mark.slow  # imports Keras


def names(graph: Graph) -> list[str]:
    return [call.layer.name for call in graph.calls]


def branched(insert: bool = False) -> keras.Model:
    inputs = keras.Input((8, 8, 3), name="image")
    left = layers.Conv2D(4, 3, name="left")(inputs)
    if insert:
        left = layers.ReLU(name="inserted")(left)
    right = layers.Conv2D(5, 3, name="right")(inputs)
    joined = layers.Concatenate(name="joined")([left, right])
    return keras.Model(inputs, layers.Dense(2, activation="softmax", name="head")(layers.Flatten(name="flat")(joined)))


def call_of(model: keras.Model, name: str) -> LayerCall:
    return next(call for call in build_graph(model).calls if call.layer.name == name)


def test_calls_follow_their_inputs_branch_by_branch() -> None:
    assert names(build_graph(branched())) == ["image", "left", "right", "joined", "flat", "head"]


def test_an_inserted_layer_does_not_move_other_branches() -> None:
    assert names(build_graph(branched(insert=True))) == ["image", "left", "inserted", "right", "joined", "flat", "head"]


def test_a_call_has_shapes_channels_and_consumers() -> None:
    model = branched()
    joined = call_of(model, "joined")
    assert joined.shape == (6, 6, 9)
    assert joined.n_channels == 9
    assert joined.n_input_channels == [4, 5]
    assert joined.input_shapes == ((6, 6, 4), (6, 6, 5))
    assert [call.layer.name for call in joined.input_calls] == ["left", "right"]
    assert not joined.has_weights
    assert call_of(model, "left").has_weights
    assert call_of(model, "image").n_consumers == 2
    assert call_of(model, "head").n_consumers == 1  # the output of the model


def test_class_names_of_layers_operations_and_custom_classes() -> None:
    class Custom(layers.Layer):
        def call(self, x):
            return x

    inputs = keras.Input((4,))
    x = layers.Dense(4)(inputs)
    model = keras.Model(inputs, Custom()((x + inputs) * x * 0.5))
    found = [call.class_name for call in build_graph(model).calls]
    assert found[:4] == ["InputLayer", "Dense", "Add", "Multiply"]
    assert found[4].startswith("keras.")  # a product with a number has another name than the layer
    assert found[5] == f"{Custom.__module__}.Custom"


def test_a_head_is_the_last_call_with_weights() -> None:
    inputs = keras.Input((4,))
    logits = layers.Dense(3, name="logits")(inputs)
    graph = build_graph(keras.Model(inputs, {"label": layers.Softmax()(logits), "raw": layers.Dropout(0.1)(inputs)}))
    assert graph.heads["label"].layer.name == "logits"
    assert graph.heads["raw"].class_name == "Dropout"  # there is no call with weights


def test_a_nested_model_is_a_single_call() -> None:
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(4)], name="inner")
    graph = build_graph(keras.Sequential([keras.Input((4,)), inner, layers.Dense(2, name="last")]))
    assert names(graph)[1:] == ["inner", "last"]
    assert [call.layer.name for call in graph.heads.values()] == ["last"]


def test_a_shared_layer_has_several_calls() -> None:
    inputs = keras.Input((4,))
    shared = layers.Dense(4, name="shared")
    assert names(build_graph(keras.Model(inputs, shared(shared(inputs))))).count("shared") == 2


def test_a_subclassed_model_has_an_empty_graph() -> None:
    class Custom(keras.Model):
        def call(self, x):
            return x

    assert build_graph(Custom()) == Graph()
