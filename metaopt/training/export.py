"""The model that is handed out: a trained network with everything before and after it that raw images need.

It is made of Keras' own layers and operations only, so that ``keras.saving.load_model`` loads it where metaopt is not
installed, on every backend.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from metaopt.data import Images
from metaopt.errors import UserError
from metaopt.training.batches import by_head, scale
from metaopt.training.metrics import Probabilities, as_probabilities
from metaopt.training.model_file import Card, read_card, write_model

BATCH = 128
"""Images at a time."""


def hand_out(
    networks: Sequence[keras.Model], card: Card, sample: npt.NDArray[np.uint8], *, mirror: bool = False
) -> keras.Model:
    """A model that takes raw images and answers with probabilities.

    Args:
        networks: trained; each takes float32 ``(n, h, w, c)`` scaled to −0.5..0.5. Of several the probabilities are
            averaged. They lose their optimizers, whose states would make the file three times as large.
        card: its classes, and the shape of what it takes.
        sample: some images ``(n, h, w, c)``, to see whether the network gives probabilities or, on the slow path,
            logits.
        mirror: the probabilities are the means of those for an image and for its mirror image, at twice the cost.

    Returns:
        A model that takes uint8 ``(n, height, width, c)``, cuts the largest central window of the network's aspect
        ratio, resizes and scales it, and returns a dict head → float32 probabilities ``(n, classes)``.
    """
    heads = list(card.classes)
    answers = by_head(networks[0].predict_on_batch(scale(sample)), heads)
    for number, network in enumerate(networks):
        network.compiled, network.optimizer = False, None
        if len(networks) > 1:  # each was built as the first of its session
            network.name = f"network_{number + 1}"
    height, width, channels = card.input_shape
    images = keras.Input((None, None, channels), dtype="uint8", name="image")
    resize = keras.layers.Resizing(
        height,
        width,
        interpolation="bicubic",
        antialias=True,
        crop_to_aspect_ratio=True,
        data_format="channels_last",
        dtype="float32",
        name="cut_and_resize",
    )
    # In float32, for TensorFlow wraps what overshoots 0..255 around in uint8. Without `training=False` its default of
    # True would hold for every layer after it too, and `model(images)` would drop units out. Cut and rounded to whole
    # numbers as by Pillow, which resized the training images: images of the network's own size pass unchanged.
    pixels = resize(keras.ops.cast(images, "float32"), training=False)
    pixels = keras.ops.round(keras.ops.clip(pixels, 0, 255))
    scaled = keras.layers.Rescaling(1 / 255, offset=-0.5, dtype="float32", name="scale")(pixels)
    views = [scaled, keras.ops.flip(scaled, axis=2)] if mirror else [scaled]
    outputs = [by_head(network(view), heads) for network in networks for view in views]
    return keras.Model(
        images,
        {head: _probabilities(head, [each[head] for each in outputs], np.asarray(answers[head])) for head in heads},
        name="classifier",
    )


def _probabilities(head: str, outputs: list[Any], answers: npt.NDArray[np.floating]) -> Any:
    """The outputs' mean as float32 probabilities; by the rule of the metrics, other values are taken for logits."""
    kind = "linear" if np.array_equal(as_probabilities(answers), answers.astype(np.float32)) else "softmax"
    if len(outputs) > 1:
        each = [keras.layers.Activation(kind, dtype="float32")(output) for output in outputs]
        kind, outputs = "linear", [keras.layers.Average(dtype="float32")(each)]
    # An output is called as the layer that it comes from.
    return keras.layers.Activation(kind, dtype="float32", name=head)(outputs[0])


def save(model: keras.Model, card: Card, path: Path) -> None:
    """Writes the model with its card.

    Raises:
        ResultsNotWritable: the folder is read-only or the disk full.
    """
    write_model(path, card, model.save)


def load(path: Path) -> tuple[keras.Model, Card]:
    """Loads a model that was handed out.

    Raises:
        UserError: there is no such file, it is not one that ``retrain`` wrote, or it needs a layer that is not known
            here.
    """
    card = read_card(path)
    try:
        return keras.saving.load_model(path, compile=False), card
    except MemoryError:
        raise
    except Exception as error:  # Keras raises nearly every kind for a file that it cannot read
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise UserError(
            f"the model {path} cannot be loaded: {reason[:300]} (a layer of one's own has to be registered with"
            " keras.saving.register_keras_serializable)."
        ) from error


def predict(model: keras.Model, card: Card, images: npt.NDArray[np.uint8]) -> dict[str, Probabilities]:
    """Probabilities of raw images ``(n, height, width, c)``: head → ``(n, classes)``, the first head first."""
    answers = model.predict(images, batch_size=BATCH, verbose=0)
    return {head: np.asarray(answers[head], dtype=np.float32) for head in card.classes}


def predict_all(model: keras.Model, card: Card, images: Images) -> dict[str, Probabilities]:
    """The same of a part of a data set, which may be larger than memory."""
    parts = [predict(model, card, images.batch(rows)[0]) for rows in _chunks(len(images), 8 * BATCH)]
    return {head: np.concatenate([part[head] for part in parts]) for head in card.classes}


def _chunks(count: int, size: int) -> Iterator[npt.NDArray[np.int64]]:
    for start in range(0, count, size):
        yield np.arange(start, min(start + size, count))
