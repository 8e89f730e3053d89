import numpy as np
import pytest

from metaopt.blueprint import Add, BatchNormalization, Blueprint, Conv2D, Dense, Flatten, Input, MaxPooling2D
from metaopt.blueprint.drawn import UnreadableDrawing, pack_drawing, unpack_drawing
from metaopt.spaces import compile_space
from metaopt.zoo import wide_resnet


def branched() -> Blueprint:
    inputs = Input((8, 8, 3))
    x = Conv2D(4, (3, 1), padding="same", activation="relu")(inputs)
    x = Add()([x, BatchNormalization()(Conv2D(4, 1)(x))])
    x = Flatten()(MaxPooling2D(2)(x))
    return Blueprint(inputs, {head: Dense(n, activation="softmax")(x) for head, n in {"fine": 5, "coarse": 2}.items()})


def test_a_stored_network_is_drawn_like_the_network(tmp_path) -> None:
    network = branched()
    stored = unpack_drawing(pack_drawing(network))
    assert (stored.params, stored.macs, stored.names.values()) != (0, 0, ())
    assert list(stored.output_shapes.values()) == list(network.output_shapes.values())
    network.draw(tmp_path / "network.svg")
    stored.draw(tmp_path / "stored.svg")
    assert (tmp_path / "stored.svg").read_bytes() == (tmp_path / "network.svg").read_bytes()


def test_a_stored_network_is_small() -> None:
    space = compile_space(wide_resnet.space)
    blueprint = wide_resnet.network(space.point(space.draw(np.random.default_rng(0))), (32, 32, 3), {"label": 10})
    text = pack_drawing(blueprint)
    assert len(text) < 25 * len(blueprint.nodes) + 300
    assert unpack_drawing(text).params == blueprint.params


@pytest.mark.parametrize("text", ["", "no network", "0" * 40, pack_drawing(branched())[:-20]])
def test_a_damaged_text_is_an_error(text: str) -> None:
    with pytest.raises(UnreadableDrawing):
        unpack_drawing(text)
