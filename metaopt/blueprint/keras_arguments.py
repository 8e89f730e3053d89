"""Arguments of the Keras layers that blueprint layers build. The module ``keras`` is a parameter, not an import."""

from typing import Any

from metaopt.blueprint.arguments import Padding, Pair

# Data format of every layer of a blueprint, whatever ``~/.keras/keras.json`` says.
DATA_FORMAT = "channels_last"


def add_padding_layer(keras: Any, padding: Padding, name: str, layer: Any) -> Any:
    """Return the layer, preceded by a ZeroPadding1D, -2D or -3D if the padding is explicit."""
    if isinstance(padding, str):
        return layer
    return [make_padding_layer(keras, padding, f"{name}_padding"), layer]


def make_padding_layer(keras: Any, padding: tuple[Pair, ...], name: str) -> Any:
    """Return the Keras layer of explicit padding, whose number of pairs is that of the spatial axes."""
    kind = getattr(keras.layers, f"ZeroPadding{len(padding)}D")
    return kind(padding[0] if len(padding) == 1 else padding, data_format=DATA_FORMAT, name=name)


def to_keras_padding(padding: Padding) -> str:
    """Return the ``padding`` argument of the Keras layer; explicit padding is a layer of its own."""
    return padding if isinstance(padding, str) else "valid"


def make_l2(keras: Any, factor: float) -> Any:
    """Return the Keras L2 regularizer with this factor, or None for 0."""
    return keras.regularizers.L2(factor) if factor else None
