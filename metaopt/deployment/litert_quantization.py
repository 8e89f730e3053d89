"""Quantisation of a LiteRT model by the true ranges of its activations.

TensorFlow's calibrator reads the inputs of an operation after it has run. Where an operation writes its result into the
memory of an input, as a sum and a product do, the input gets the range of the result, too
(https://github.com/tensorflow/tensorflow/issues/127842). Pixels in -0.5..0.5 that are multiplied by 255 keep two of 256
values. So the ranges are measured again, by an interpreter that keeps every tensor.
"""

from typing import Any

import numpy as np

from metaopt.data.images import InputArray

Ranges = dict[int, tuple[float, float]]

_IDENTIFIER = b"TFL3"


def quantize(calibrated: bytes, inputs: InputArray) -> bytes:
    """Return a model of 8-bit weights and activations.

    Args:
        calibrated: a model in 32 bits whose tensors have the ranges of TensorFlow's calibrator.
        inputs: the inputs that it was calibrated with, ``(n, …)``.
    """
    import tensorflow as tf
    from ai_edge_litert.schema_py_generated import ModelT
    from flatbuffers import Builder
    from tensorflow.lite.python.convert import mlir_quantize  # what the converter itself calls next

    model = ModelT.InitFromPackedBuf(calibrated, 0)
    tensors = model.subgraphs[0].tensors
    ranged = [number for number, tensor in enumerate(tensors) if _has_range(tensor)]
    for number, (least, most) in measure_ranges(calibrated, ranged, inputs).items():
        quantization = tensors[number].quantization
        quantization.min, quantization.max = np.array([least], np.float32), np.array([most], np.float32)
    builder = Builder(len(calibrated))
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    quantized: bytes = mlir_quantize(bytes(builder.Output()), output_data_type=tf.float32)
    return quantized


def measure_ranges(content: bytes, tensors: list[int], inputs: InputArray) -> Ranges:
    """Return index of a tensor → its smallest and largest value for any input.

    Args:
        content: a model of one input.
        tensors: indices of tensors of its main graph.
        inputs: its inputs, ``(n, …)``.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_content=content,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    (taken,) = (each["index"] for each in interpreter.get_input_details())
    found: Ranges = {}
    for one in inputs:
        interpreter.set_tensor(taken, np.ascontiguousarray(one[None]))
        interpreter.invoke()
        for number in tensors:
            values = interpreter.get_tensor(number)
            least, most = found.get(number, (np.inf, -np.inf))
            found[number] = min(least, float(values.min())), max(most, float(values.max()))
    return found


def _has_range(tensor: Any) -> bool:
    return tensor.quantization is not None and tensor.quantization.min is not None and len(tensor.quantization.min) == 1
