"""Heads of an exported model: the average of networks, in the terms of the targets."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from metaopt.outputs import ClassOutput, ImageOutput, NumberOutput, Output
from metaopt.training.metrics import as_probabilities
from metaopt.training.temperature import LABEL_MARGIN, SMALLEST_PROBABILITY, has_probabilities


def finish_head(
    head: str,
    output: Output,
    values: Sequence[Sequence[Any]],
    samples: Sequence[npt.NDArray[np.floating]],
    counts: Sequence[int],
    *,
    temperature: float = 1.0,
) -> Any:
    """Return the mean of the outputs of networks in the terms of the targets; see ``Output.decode``.

    Args:
        head: name of the head. Its last layer has this name, because Keras names outputs after their layers.
        output: its kind.
        values: outputs of each network for each view of the images, of which the second one is mirrored.
        samples: output of each network for some images, or of the first one alone, which then stands for all.
        counts: how often each network counts in the mean.
        temperature: temperature of its probabilities.
    """
    if isinstance(output, ImageOutput):
        values = [[view if k == 0 else mirror_images(view) for k, view in enumerate(each)] for each in values]
    activations = [_choose_activation(output, sample) for sample in samples]
    activations *= len(values) // len(activations)
    activation, value = activations[0], values[0][0]
    if len(values) * len(values[0]) > 1:
        summands = []
        for each, own, count in zip(values, activations, counts, strict=True):
            summands += [keras.layers.Activation(own, dtype="float32")(view) for view in each] * count
        activation, value = "linear", keras.layers.Average(dtype="float32")(summands)
    match output:
        case NumberOutput():
            scale, offset = list(output.scale), list(output.mean)
            return keras.layers.Rescaling(scale, offset=offset, dtype="float32", name=head)(value)
        case ImageOutput():
            clipped = keras.ops.clip(keras.ops.cast(value, "float32"), 0, 1)
            return keras.layers.Rescaling(255.0, dtype="float32", name=head)(clipped)
    if temperature == 1.0 or not has_probabilities(output):
        return keras.layers.Activation(activation, dtype="float32", name=head)(value)
    probabilities = keras.layers.Activation(activation, dtype="float32")(value)
    return _scale_probabilities(head, output, probabilities, temperature)


def mirror_images(images: Any) -> Any:
    """Return images ``(n, h, w, c)`` with their columns in the reverse order.

    Not by ``keras.ops.flip``: TensorFlow's 8-bit converter gives the result of a reversal a scale of its own, and
    LiteRT's kernel copies the numbers as they are. Behind a sigmoid, whose scale is fixed, pixels become too dark.
    """
    return keras.ops.take(images, list(range(images.shape[2]))[::-1], axis=2)


def _choose_activation(output: Output, sample: npt.NDArray[np.floating]) -> str:
    """Return the activation that makes probabilities of a network's output; as in the metrics, others are logits."""
    if not isinstance(output, ClassOutput):
        return "linear"
    return "linear" if np.array_equal(as_probabilities(sample), sample.astype(np.float32)) else "softmax"


def _scale_probabilities(head: str, output: Output, probabilities: Any, temperature: float) -> Any:
    """Return probabilities at a temperature; see ``temperature.scale_probabilities``."""
    if isinstance(output, ClassOutput):
        logits = keras.ops.log(keras.ops.maximum(probabilities, SMALLEST_PROBABILITY))
        last = "softmax"
    else:
        clipped = keras.ops.clip(probabilities, LABEL_MARGIN, 1 - LABEL_MARGIN)
        logits = keras.ops.log(clipped) - keras.ops.log(1 - clipped)
        last = "sigmoid"
    scaled = keras.layers.Rescaling(1 / temperature, dtype="float32")(logits)
    return keras.layers.Activation(last, dtype="float32", name=head)(scaled)
