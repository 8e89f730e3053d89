"""ONNX: written by Keras with tf2onnx, quantised and run by ONNX Runtime."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from metaopt.data.images import InputArray
from metaopt.deployment.fixed_size import fix_size, name_tensors
from metaopt.deployment.runner import Runner
from metaopt.errors import UserError
from metaopt.training.model_file import KEY, ModelMetadata, describe_metadata, parse_metadata
from metaopt.values.json_values import dump_json
from metaopt.values.safe_text import describe_cause


def write_onnx(model: keras.Model, metadata: ModelMetadata, path: Path, calibration: InputArray | None) -> None:
    """Write a model, whose metadata are in the property ``metaopt``.

    Args:
        model: exported model.
        metadata: metadata of the file.
        path: the file.
        calibration: inputs by which the ranges of 8-bit activations are found; None for 32 bits.
    """
    import onnx

    fixed = fix_size(model, metadata)
    fixed(keras.ops.zeros((1, *metadata.input_shape), fixed.input.dtype), training=False)  # Keras asks for a first call
    fixed.export(str(path), format="onnx", verbose=False)
    if calibration is not None:
        _quantize(path, calibration)
    content = onnx.load(str(path))
    onnx.helper.set_model_props(content, {KEY: dump_json(describe_metadata(metadata)).decode()})
    onnx.save(content, str(path))


def _quantize(path: Path, calibration: InputArray) -> None:
    """Quantise weights, per channel, and activations of a file statically."""
    from onnxruntime.quantization import CalibrationDataReader, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    name = _input_name(path)

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.inputs: Iterator[Any] = iter(calibration)

        def get_next(self) -> dict[str, Any] | None:
            each = next(self.inputs, None)
            return None if each is None else {name: each[None]}

    prepared = path.with_suffix(".prepared.onnx")
    quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
    quantize_static(str(prepared), str(path), Reader(), per_channel=True)
    prepared.unlink()


def _input_name(path: Path) -> str:
    import onnx

    return str(onnx.load(str(path), load_external_data=False).graph.input[0].name)


def open_onnx(path: Path) -> Runner:
    """Load a model in ONNX Runtime, on the CPU.

    Raises:
        UserError: The file is no ONNX model, or was not written by metaopt.
    """
    import onnxruntime

    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        properties = session.get_modelmeta().custom_metadata_map
    except Exception as error:  # ONNX Runtime raises exceptions of its own C++ module
        raise UserError(f"Cannot load model {path}: {describe_cause(error)}.") from error
    try:
        metadata = parse_metadata(json.loads(properties[KEY]), path)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise UserError(f"No class names found in {path}. Expected an ONNX file written by metaopt export.") from error
    names = name_tensors(metadata.outputs)
    (taken,) = session.get_inputs()

    def predict(inputs: InputArray) -> dict[str, Any]:
        found = session.run(list(names.values()), {taken.name: np.ascontiguousarray(inputs)})
        return dict(zip(names, found, strict=True))

    return Runner(metadata, predict)
