"""An exported model for images of the network's own size, without the resizing that other frameworks lack."""

import re
from collections.abc import Iterable
from typing import Any

import keras

from metaopt.training.model_file import ModelMetadata

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def name_tensors(heads: Iterable[str]) -> dict[str, str]:
    """Return head → name of its output in a file of another framework, which accepts identifiers only."""
    return {head: head if _NAME.fullmatch(head) else f"output_{number}" for number, head in enumerate(heads)}


def fix_size(model: keras.Model, metadata: ModelMetadata) -> keras.Model:
    """Return a model of the same weights that takes images of the network's size.

    Bicubic resizing with antialiasing of images of any size is no operation of ONNX or LiteRT. Images of the network's
    own size pass the resizing unchanged, so it can be left out.

    Args:
        model: exported model.
        metadata: its metadata.

    Returns:
        A model that takes uint8 ``(n, height, width, c)``, or float32 ``(n, length, c)``, and returns a dict with the
        names of ``name_tensors``.
    """
    names = name_tensors(metadata.outputs)
    if metadata.standardization is not None:
        signals = keras.Input(metadata.input_shape, dtype="float32", name="signal")
        return keras.Model(signals, _renamed(model(signals, training=False), names))
    images = keras.Input(metadata.input_shape, dtype="uint8", name="image")
    scale = model.get_layer("scale")
    network = keras.Model(scale.output, model.output)
    scaled = scale(keras.ops.cast(images, "float32"))
    return keras.Model(images, _renamed(network(scaled, training=False), names))


def _renamed(outputs: Any, names: dict[str, str]) -> dict[str, Any]:
    """Return the outputs under the names of their tensors; a model with one output may return it alone."""
    outputs = outputs if isinstance(outputs, dict) else dict.fromkeys(names, outputs)
    return {
        name: keras.layers.Activation("linear", dtype="float32", name=name)(outputs[head])
        for head, name in names.items()
    }
