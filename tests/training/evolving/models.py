"""Small compiled models of every kind."""

from typing import Any

import numpy as np


def dense(optimizer: Any = "adam", seed: int = 0, **compilation: Any) -> Any:
    import keras

    keras.utils.set_random_seed(seed)
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((16,)), layers.Dense(8, "relu"), layers.Dropout(0.2), layers.Dense(3, "softmax", name="classes")]
    )
    model.compile(optimizer, **{"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"], **compilation})
    return model


def convolutional() -> Any:
    import keras

    layers = keras.layers
    inputs = keras.Input((8, 8, 1))
    x = layers.RandomTranslation(0.1, 0.2)(inputs)
    x = layers.Conv2D(4, 3, activation="relu", kernel_regularizer=keras.regularizers.L2(1e-3))(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU(max_value=6)(x)
    x = layers.GlobalAveragePooling2D()(x)
    outputs = layers.Softmax()(layers.Dense(3, kernel_regularizer=keras.regularizers.L2(2e-3))(x))
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "categorical_crossentropy")
    return model


def recurrent() -> Any:
    import keras

    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((5, 2)),
            layers.Bidirectional(layers.LSTM(3)),
            layers.Dense(4, activation=_shifted),
            layers.Dense(1),
        ]
    )
    model.compile(keras.optimizers.Adamax(0.01), keras.losses.Huber())
    return model


def autoencoder() -> Any:
    import keras

    layers = keras.layers
    encoder = keras.Sequential([keras.Input((16,)), layers.Dense(4, "elu", name="middle")], name="encoder")
    inputs = keras.Input((16,))
    outputs = layers.Reshape((4, 4))(layers.Dense(16, "sigmoid", name="pixels")(encoder(inputs)))
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.SGD(1e-5), "mse")
    return model


def two_heads(names: tuple[str, ...] = ("kind", "size"), as_list: bool = False, loss: Any = None) -> Any:
    """A model with a dict or list of outputs, whose layers have other names."""
    import keras

    inputs = keras.Input((16,))
    known = {"kind": keras.layers.Dense(3, "softmax")(inputs), "size": keras.layers.Dense(1)(inputs)}
    outputs = {name: known[name] for name in names}
    model = keras.Model(inputs, list(outputs.values()) if as_list else outputs)
    losses = {"kind": "sparse_categorical_crossentropy", "size": "mse"}
    own = {name: losses[name] for name in names}
    model.compile("adam", loss or (list(own.values()) if as_list else own))
    return model


def _shifted(x: Any) -> Any:
    return x + 1


def blobs(n: int = 60, seed: int = 0) -> tuple[Any, Any]:
    """Points around three centres, ``(n, 16)``, and their classes."""
    rng = np.random.default_rng(seed)
    classes = np.arange(n) % 3
    centres = np.random.default_rng(7).normal(size=(3, 16))
    return (centres[classes] + 0.3 * rng.normal(size=(n, 16))).astype(np.float32), classes
