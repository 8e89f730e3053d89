from typing import Any

import keras
import pytest
from keras import layers

from metaopt.training.weight_transfer.graph import build_graph
from metaopt.training.weight_transfer.layer_matching import match_layers

pytestmark = pytest.mark.slow  # imports Keras


def matched(child: keras.Model, parent: keras.Model) -> dict[str, str]:
    pairs = match_layers(build_graph(child), build_graph(parent))
    return {ours.layer.name: theirs.layer.name for ours, theirs in pairs.items()}


def convolutions(**widths: int) -> keras.Model:
    """A chain of convolutions with these names and widths, and a head."""
    x = inputs = keras.Input((8, 8, 3), name="image")
    for name, width in widths.items():
        x = layers.Conv2D(width, 3, padding="same", activation="relu", name=name)(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, layers.Dense(4, activation="softmax", name="head")(x))


def with_heads(**classes: int) -> keras.Model:
    inputs = keras.Input((6,), name="image")
    x = layers.Dense(5, name="hidden")(inputs)
    return keras.Model(inputs, {name: layers.Dense(n, name=f"{name}_head")(x) for name, n in classes.items()})


def test_equal_networks_match_layer_by_layer() -> None:
    model = convolutions(a=8, b=16)
    assert matched(model, convolutions(a=8, b=16)) == {layer.name: layer.name for layer in model.layers}


def test_an_inserted_layer_has_no_match() -> None:
    pairs = matched(convolutions(a=8, new=64, b=16), convolutions(a=8, b=16))
    assert "new" not in pairs
    assert (pairs["a"], pairs["b"], pairs["head"]) == ("a", "b", "head")


def test_a_deleted_layer_is_skipped() -> None:
    assert matched(convolutions(a=8, c=64), convolutions(a=8, b=16, c=64))["c"] == "c"


@pytest.mark.parametrize(
    ("child", "parent"), [("Flatten", "GlobalAveragePooling2D"), ("GlobalMaxPooling2D", "Flatten")]
)
def test_flatten_matches_a_global_pooling(child: str, parent: str) -> None:
    def network(kind: str) -> keras.Model:
        inputs = keras.Input((4, 4, 3), name="image")
        return keras.Model(inputs, layers.Dense(2, name="head")(getattr(layers, kind)(name="vector")(inputs)))

    assert matched(network(child), network(parent))["vector"] == "vector"


def test_heads_match_by_name() -> None:
    pairs = matched(with_heads(coarse=3, fine=3), with_heads(fine=3, coarse=3))
    assert (pairs["fine_head"], pairs["coarse_head"]) == ("fine_head", "coarse_head")


def test_heads_with_other_numbers_of_classes_do_not_match() -> None:
    pairs = matched(with_heads(fine=3, coarse=2), with_heads(fine=4, coarse=2))
    assert "fine_head" not in pairs
    assert pairs["coarse_head"] == "coarse_head"


def test_single_heads_match_whatever_their_names() -> None:
    assert matched(with_heads(one=3), with_heads(other=3))["one_head"] == "other_head"


def test_zero_padding_has_no_match() -> None:
    def network() -> keras.Model:
        inputs = keras.Input((4, 4, 3), name="image")
        x = layers.Conv2D(4, 3, name="conv")(layers.ZeroPadding2D(1, name="padding")(inputs))
        return keras.Model(inputs, layers.Dense(2, name="head")(layers.Flatten(name="flat")(x)))

    pairs = matched(network(), network())
    assert "padding" not in pairs
    assert pairs["conv"] == "conv"


def test_a_new_residual_block_is_unmatched_as_a_whole() -> None:
    """Its output can only equal its input if convolution and sum belong to the same block."""

    def network(*blocks: str) -> keras.Model:
        x: Any
        x = inputs = keras.Input((8, 8, 4), name="image")
        for name in blocks:
            y = layers.ReLU(name=f"{name}_relu")(layers.BatchNormalization(name=f"{name}_norm")(x))
            x = layers.Add(name=f"{name}_add")([x, layers.Conv2D(4, 3, padding="same", name=f"{name}_conv")(y)])
        x = layers.ReLU(name="relu")(layers.BatchNormalization(name="norm")(x))
        return keras.Model(inputs, layers.Dense(2, name="head")(layers.GlobalAveragePooling2D(name="pool")(x)))

    child = network("a", "b")
    unmatched = {layer.name for layer in child.layers} - matched(child, network("a")).keys()
    prefixes = {name.partition("_")[0] for name in unmatched}
    assert len(unmatched) == 4
    assert len(prefixes) == 1
