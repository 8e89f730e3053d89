"""Export of a trained network as a model that takes raw images and returns predictions in the user's terms.

An exported model consists of built-in Keras layers and operations only. ``keras.saving.load_model`` loads it on every
backend, also where metaopt is not installed.
"""

import contextlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from metaopt.blueprint.keras_files import is_about_lambda
from metaopt.data import Images
from metaopt.data.images import InputArray
from metaopt.errors import UserError
from metaopt.outputs import LabelOutput
from metaopt.training.batches import outputs_by_head, scale_inputs
from metaopt.training.exported_heads import finish_head, mirror_images
from metaopt.training.metrics import Probabilities
from metaopt.training.model_file import ModelMetadata, read_metadata, write_model
from metaopt.values.safe_text import describe_cause

BATCH_SIZE = 128
"""Batch size of predictions."""


@contextlib.contextmanager
def _warnings_raise_nothing() -> Iterator[None]:
    """Keep warnings of Keras from ending the work where the user's filters make errors of warnings."""
    with warnings.catch_warnings():
        if any(action == "error" for action, *_ in warnings.filters):
            warnings.simplefilter("ignore")
        yield


@_warnings_raise_nothing()
def export_model(
    networks: Sequence[keras.Model],
    metadata: ModelMetadata,
    sample: InputArray,
    *,
    mirror: bool = False,
    weights: Sequence[int] | None = None,
    temperatures: Mapping[str, float] | None = None,
) -> keras.Model:
    """Build a model that takes raw images and returns predictions, e.g. probabilities.

    Args:
        networks: trained networks; each takes float32 ``(n, h, w, c)`` scaled to −0.5..0.5. The predictions of
            several networks are averaged. Their optimizers are removed, whose states would triple the file size.
        metadata: outputs and input shape of the networks.
        sample: some images ``(n, h, w, c)`` or signals, to find out whether the networks return probabilities or
            logits.
        mirror: average the predictions for each image and its mirror image, at twice the cost; not for signals.
        weights: how often each network counts in the average, 1 or more; None for once each.
        temperatures: head → temperature of its probabilities, see ``metaopt.training.temperature``; None for 1.

    Returns:
        A model that takes uint8 ``(n, height, width, c)``, crops the largest central window of the networks' aspect
        ratio, resizes and scales it, and returns a dict head → float32 predictions: probabilities ``(n, classes)`` or
        ``(n, labels)``, numbers ``(n, k)``, or pixels in 0..255 ``(n, h, w, c)``. Of signals it takes float32 ``(n,
        length, c)`` as in the files, and standardises them.
    """
    heads = list(metadata.outputs)
    scaled_sample = scale_inputs(sample, metadata.standardization)
    asked = networks if weights is not None else networks[:1]  # networks of one point return the same kind of values
    samples = [outputs_by_head(network.predict_on_batch(scaled_sample), heads) for network in asked]
    for number, network in enumerate(networks):
        network.compiled, network.optimizer = False, None
        if len(networks) > 1:  # names must be unique, and each may have been built in a session of its own
            network.name = f"network_{number + 1}"
    images, scaled = _make_input(metadata)
    views = [scaled, mirror_images(scaled)] if mirror else [scaled]
    counts = weights or [1] * len(networks)
    outputs = [[outputs_by_head(network(view), heads) for view in views] for network in networks]
    finished = {
        head: finish_head(
            head,
            output,
            [[view[head] for view in each] for each in outputs],
            [np.asarray(each[head]) for each in samples],
            counts,
            temperature=(temperatures or {}).get(head, 1.0),
        )
        for head, output in metadata.outputs.items()
    }
    return keras.Model(images, finished, name="classifier" if metadata.classes else "network")


def _make_input(metadata: ModelMetadata) -> tuple[Any, Any]:
    """Return the input of an exported model, and its scaled images or standardised signals."""
    standardization = metadata.standardization
    if standardization is None:
        height, width, channels = metadata.input_shape
        images = keras.Input((None, None, channels), dtype="uint8", name="image")
        return images, _preprocess(images, height, width)
    signals = keras.Input(metadata.input_shape, dtype="float32", name="signal")
    layer = keras.layers.Rescaling(
        standardization.scale, offset=standardization.offset, dtype="float32", name="standardize"
    )
    return signals, layer(signals)


def _preprocess(images: Any, height: int, width: int) -> Any:
    """Crop, resize and scale uint8 images of any size to float32 ``(n, height, width, c)`` in −0.5..0.5."""
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
    # In float32, because bicubic resizing overshoots 0..255 and TensorFlow wraps such values around in uint8. Resizing
    # defaults to `training=True`, which would propagate to later layers and activate dropout in `model(images)`.
    # Clipped and rounded to integers as by Pillow, which resized the training images: images of the network's own size
    # pass unchanged.
    pixels = resize(keras.ops.cast(images, "float32"), training=False)
    pixels = keras.ops.round(keras.ops.clip(pixels, 0, 255))
    return keras.layers.Rescaling(1 / 255, offset=-0.5, dtype="float32", name="scale")(pixels)


@_warnings_raise_nothing()
def find_loading_problem(network: keras.Model, metadata: ModelMetadata) -> str | None:
    """Return why Keras cannot load the file of a network again; None if it can.

    Args:
        network: an untrained network, which is used up.
        metadata: metadata of the model.

    Raises:
        UserError: Keras cannot even save the model.
    """
    sample = np.zeros((1, *metadata.input_shape), np.uint8)
    with TemporaryDirectory(prefix="metaopt-model-") as folder:
        file = Path(folder, "untrained.keras")
        try:
            write_model(file, metadata, export_model([network], metadata, sample).save)
        except (MemoryError, UserError):
            raise
        except Exception as error:  # Keras raises exceptions of nearly every type
            raise UserError(
                f"Keras cannot save this model: {describe_cause(error)}. Give its layers a get_config of JSON types."
            ) from error
        try:
            keras.saving.load_model(file, compile=False)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            return describe_cause(error)
    return None


@_warnings_raise_nothing()
def save_model(
    model: keras.Model,
    metadata: ModelMetadata,
    path: Path,
    test: Callable[[Path, str], object] | None = None,
) -> None:
    """Write an exported model with its metadata; for ``test`` see ``write_model``.

    Raises:
        ResultsNotWritable: the folder is read-only, or the disk is full.
    """
    write_model(path, metadata, model.save, test)


@_warnings_raise_nothing()
def load_model(path: Path) -> tuple[keras.Model, ModelMetadata]:
    """Load an exported model and its metadata.

    Raises:
        UserError: the file does not exist, is not an exported model, holds code, or needs a custom layer that is not
            registered.
    """
    metadata = read_metadata(path)
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True), metadata
    except MemoryError:
        raise
    except Exception as error:  # Keras raises exceptions of nearly every type for a file that it cannot read
        if is_about_lambda(error):
            raise UserError(
                f"Model {path} holds code, a Lambda layer, which is not run. Replace the layer by built-in layers or"
                " keras.ops."
            ) from error
        raise UserError(
            f"Cannot load model {path}: {describe_cause(error)}. Register custom layers with"
            " keras.saving.register_keras_serializable."
        ) from error


@_warnings_raise_nothing()
def predict(model: keras.Model, metadata: ModelMetadata, images: InputArray) -> dict[str, Probabilities]:
    """Predict raw images or signals; return head → predictions, see ``export_model``."""
    outputs = model.predict(images, batch_size=BATCH_SIZE, verbose=0)
    return {head: np.asarray(outputs[head], dtype=np.float32) for head in metadata.outputs}


def predict_split(model: keras.Model, metadata: ModelMetadata, images: Images) -> dict[str, Probabilities]:
    """Predict all images of a split, which may be larger than memory; see ``predict``."""
    chunks = [predict(model, metadata, images.batch(rows)[0]) for rows in _iterate_chunks(len(images), 8 * BATCH_SIZE)]
    return {head: np.concatenate([chunk[head] for chunk in chunks]) for head in metadata.outputs}


def tune_labels(model: keras.Model, metadata: ModelMetadata, images: Images) -> ModelMetadata:
    """Return the metadata with thresholds of labels that are tuned on a split that the network was not trained on."""
    if not any(isinstance(output, LabelOutput) for output in metadata.outputs.values()):
        return metadata
    predicted = predict_split(model, metadata, images)
    outputs = {
        head: output.tuned(predicted[head], images.labels[head]) if isinstance(output, LabelOutput) else output
        for head, output in metadata.outputs.items()
    }
    return replace(metadata, outputs=outputs)


def _iterate_chunks(count: int, size: int) -> Iterator[npt.NDArray[np.int64]]:
    for start in range(0, count, size):
        yield np.arange(start, min(start + size, count))
