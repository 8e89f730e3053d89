"""LiteRT (TensorFlow Lite): written and quantised by Keras with TensorFlow, run by ai-edge-litert."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from metaopt.data.images import InputArray
from metaopt.deployment.fixed_size import fix_size, name_tensors
from metaopt.deployment.litert_quantization import quantize
from metaopt.deployment.runner import Runner
from metaopt.errors import UserError
from metaopt.files.regular_file import open_regular
from metaopt.terminal.printable import printable
from metaopt.training.model_file import KEY, ModelMetadata, describe_metadata, parse_metadata
from metaopt.values.json_values import dump_json
from metaopt.values.safe_text import describe_cause

_ASSOCIATED = "metaopt.json"


def write_litert(model: keras.Model, metadata: ModelMetadata, path: Path, calibration: InputArray | None) -> None:
    """Write a model; its metadata, and the classes of each head, are in a zip archive at the end of the file.

    Such archives are how TensorFlow Lite holds associated files; the interpreter ignores them.

    Args:
        model: exported model.
        metadata: metadata of the file.
        path: the file.
        calibration: inputs by which the ranges of 8-bit activations are found; None for 32 bits.
    """
    fix_size(model, metadata).export(str(path), format="litert", verbose=False, **_options(calibration))
    if calibration is not None:
        path.write_bytes(quantize(path.read_bytes(), calibration))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(_ASSOCIATED, dump_json({KEY: describe_metadata(metadata)}))
        names = name_tensors(metadata.outputs)
        for head, classes in metadata.classes.items():
            archive.writestr(f"{names[head]}.txt", "\n".join(map(printable, classes)))


def _options(calibration: InputArray | None) -> dict[str, Any]:
    """Return the settings of TensorFlow's converter."""
    import tensorflow as tf

    builtins = tf.lite.OpsSet.TFLITE_BUILTINS
    if calibration is None:
        return {"target_spec": {"supported_ops": [builtins]}}

    def samples() -> Iterator[list[Any]]:
        for each in calibration:
            yield [each[None]]

    # Operations that have no 8-bit kernel, such as the logarithm of a temperature, stay in 32 bits.
    return {
        "optimizations": [tf.lite.Optimize.DEFAULT],
        "representative_dataset": samples,
        "_experimental_calibrate_only": True,
        "target_spec": {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS_INT8, builtins]},
    }


def open_litert(path: Path) -> Runner:
    """Load a model in LiteRT's interpreter.

    Raises:
        UserError: The file is no LiteRT model, or was not written by metaopt.
    """
    from ai_edge_litert.interpreter import Interpreter

    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            metadata = parse_metadata(json.loads(archive.read(_ASSOCIATED))[KEY], path)
    except FileNotFoundError:
        raise UserError(f"Model {path} does not exist.") from None
    except OSError as error:
        raise UserError(f"Cannot read model {path}: {error.strerror or error}.") from error
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError) as error:
        raise UserError(f"No class names found in {path}. Expected a LiteRT file written by metaopt export.") from error
    try:
        interpreter = Interpreter(model_path=str(path))
        interpreter.allocate_tensors()  # prints about its threads, which the caller suppresses
        run = interpreter.get_signature_runner()
    except (ValueError, RuntimeError) as error:
        raise UserError(f"Cannot load model {path}: {describe_cause(error)}.") from error
    names = name_tensors(metadata.outputs)
    (taken,) = run.get_input_details()

    def predict(inputs: InputArray) -> dict[str, Any]:
        found = run(**{taken: np.ascontiguousarray(inputs)})
        return {head: found[name] for head, name in names.items()}

    return Runner(metadata, predict)
