from types import SimpleNamespace

from metaopt.blueprint.keras_arguments import DATA_FORMAT, add_padding_layer, make_l2, to_keras_padding

KERAS = SimpleNamespace(
    layers=SimpleNamespace(ZeroPadding2D=lambda padding, **named: ("padding", padding, named)),
    regularizers=SimpleNamespace(L2=lambda factor: ("l2", factor)),
)


def test_explicit_padding_becomes_a_layer_before_a_valid_one() -> None:
    explicit = ((1, 2), (0, 1))
    padding, layer = add_padding_layer(KERAS, explicit, "conv", "layer")
    assert padding == ("padding", explicit, {"data_format": DATA_FORMAT, "name": "conv_padding"})
    assert layer == "layer"
    assert to_keras_padding(explicit) == "valid"


def test_named_padding_is_an_argument() -> None:
    for padding in ("same", "valid"):
        assert add_padding_layer(KERAS, padding, "conv", "layer") == "layer"
        assert to_keras_padding(padding) == padding


def test_penalty_of_zero_is_no_regularizer() -> None:
    assert make_l2(KERAS, 0.0) is None
    assert make_l2(KERAS, 0.01) == ("l2", 0.01)
