"""SavedModel: written by Keras with TensorFlow, for TensorFlow Serving; it takes images of any size."""

import json
from pathlib import Path
from typing import Any

import keras

from metaopt.data.images import InputArray
from metaopt.deployment.runner import Runner
from metaopt.errors import UserError
from metaopt.files.regular_file import open_regular
from metaopt.training.model_file import KEY, ModelMetadata, describe_metadata, parse_metadata
from metaopt.values.json_values import dump_json
from metaopt.values.safe_text import describe_cause

_EXTRA = Path("assets.extra", "metaopt.json")
"""TensorFlow's folder for files of others."""


def write_savedmodel(model: keras.Model, metadata: ModelMetadata, path: Path, calibration: InputArray | None) -> None:
    """Write a model as a folder.

    Args:
        model: exported model.
        metadata: metadata of the folder.
        path: the folder.
        calibration: None; a SavedModel has no 8-bit networks.
    """
    assert calibration is None
    model.export(str(path), format="tf_saved_model", verbose=False)
    extra = path / _EXTRA
    extra.parent.mkdir(exist_ok=True)
    extra.write_bytes(dump_json({KEY: describe_metadata(metadata)}))


def open_savedmodel(path: Path) -> Runner:
    """Load a model in TensorFlow.

    Raises:
        UserError: The folder is no SavedModel, or was not written by metaopt.
    """
    import tensorflow as tf

    try:
        with open_regular(path / _EXTRA) as file:
            metadata = parse_metadata(json.loads(file.read())[KEY], path)
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise UserError(f"No class names found in {path}. Expected a SavedModel written by metaopt export.") from error
    try:
        loaded = tf.saved_model.load(str(path))
        loaded.serve  # noqa: B018 - the endpoint exists
    except Exception as error:  # TensorFlow raises exceptions of nearly every type for a damaged folder
        raise UserError(f"Cannot load model {path}: {describe_cause(error)}.") from error

    def predict(inputs: InputArray) -> dict[str, Any]:
        found = loaded.serve(tf.constant(inputs))  # the function alone would lose its variables
        found = found if isinstance(found, dict) else dict.fromkeys(metadata.outputs, found)
        return {head: found[head].numpy() for head in metadata.outputs}

    return Runner(metadata, predict)
