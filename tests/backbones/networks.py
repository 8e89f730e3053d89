"""Small backbones for tests, with arbitrary weights."""

from pathlib import Path
from typing import Any


def make_backbone(*, scales: bool = True, channels: int = 3, side: int | None = None) -> Any:
    """Return a network with a residual block, whose map has a quarter of the side and 12 channels."""
    import keras

    keras.utils.set_random_seed(3)
    layers = keras.layers
    x = images = keras.Input((side, side, channels))
    x = layers.Rescaling(1 / 127.5, -1.0)(x) if scales else x
    x = layers.Conv2D(6, 3, 2, "same", use_bias=False, name="stem")(x)
    x = layers.ReLU(name="stem_relu")(layers.BatchNormalization(name="stem_bn")(x))
    inner = layers.BatchNormalization(name="block_bn")(layers.Conv2D(6, 3, padding="same", name="block")(x))
    x = layers.Add(name="add")([x, inner])
    x = layers.Conv2D(12, 3, 2, "same", name="top")(x)
    x = layers.ReLU(name="top_relu")(layers.BatchNormalization(name="top_bn")(x))
    model = keras.Model(images, x)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):  # statistics that a training would change
            layer.moving_mean.assign(keras.random.normal(layer.moving_mean.shape, stddev=0.1, seed=1))
    return model


def make_nested(*, sequential: bool = False) -> Any:
    """Return the same network as a model within a model, as in the guide of Keras; its own sizes are unknown."""
    import keras

    inner = make_backbone(scales=False)
    if sequential:
        layers = [keras.layers.Rescaling(1 / 127.5, -1.0), inner, keras.layers.GlobalAveragePooling2D()]
        return keras.Sequential([keras.Input((None, None, 3)), *layers])
    images = keras.Input((None, None, 3))
    return keras.Model(images, inner(keras.layers.Rescaling(1 / 127.5, -1.0)(images), training=False))


def save_large(path: Path) -> Path:
    """Save a network that takes no images below 100 pixels."""
    import keras

    layers = keras.layers
    images = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 50, 2)(layers.Rescaling(1 / 127.5, -1.0)(images))
    keras.Model(images, layers.Conv2D(4, 26, 2)(x)).save(path)
    return path


def save_backbone(path: Path, **options: Any) -> Path:
    """Save such a network."""
    make_backbone(**options).save(path)
    return path
