"""Multiply-accumulates of Keras layers and operations that multiply tensors with each other, or apply a cell in steps.

Each function takes a layer with the shapes of one call, without the batch, and returns the count for one image. The
rules follow the published operations: attention of Vaswani et al. 2017 (arXiv:1706.03762, section 3.2), grouped queries
of Ainslie et al. 2023 (arXiv:2305.13245), the LSTM and GRU cells of Keras, and ConvLSTM of Shi et al. 2015
(arXiv:1506.04214). Elementwise operations count 0, as everywhere.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from metaopt.blueprint.layer import Shape

Shapes = Sequence[Shape]
# Function from (layer, input shapes, output shapes) to the multiply-accumulates of a call, or None if unknown.
Count = Callable[[Any, Shapes, Shapes], int | None]


def count_einsum(subscripts: str, shapes: Shapes) -> int:
    """Return the multiply-accumulates of a product of two tensors: the product of the sizes of all axes.

    Args:
        subscripts: as for ``numpy.einsum``, e.g. ``"abc,cd->abd"``, perhaps with an ellipsis.
        shapes: shape of each operand, with the batch as 1 where it has one.
    """
    sizes: dict[str, int] = {}
    for term, shape in zip(subscripts.replace(" ", "").split("->")[0].split(","), shapes, strict=True):
        before, dots, after = term.partition("...")
        letters = list(before)
        if dots:
            letters += [f"...{number}" for number in range(len(after) - len(shape) + len(before), 0)] + list(after)
        for letter, size in zip(letters, shape, strict=True):
            sizes[letter] = max(size, sizes.get(letter, 1))
    return math.prod(sizes.values())


def count_einsum_dense(layer: Any, inputs: Shapes, _: Shapes) -> int:
    """Count an ``EinsumDense``."""
    return count_einsum(layer.equation, [(1, *inputs[0]), tuple(layer.kernel.shape)])


def count_einsum_operation(operation: Any, inputs: Shapes, _: Shapes) -> int | None:
    """Count ``keras.ops.einsum`` of two tensors with a batch."""
    return count_einsum(operation.subscripts, [(1, *shape) for shape in inputs]) if len(inputs) == 2 else None


def count_matmul(_: Any, inputs: Shapes, outputs: Shapes) -> int | None:
    """Count ``keras.ops.matmul``: one product of the contracted axis for each element of the output."""
    return math.prod(outputs[0]) * inputs[0][-1] if len(inputs) == 2 else None


def count_dot(layer: Any, inputs: Shapes, outputs: Shapes) -> int | None:
    """Count the layer ``Dot``, which contracts an axis of each input."""
    axes = getattr(layer, "axes", None)
    if axes is None or len(inputs) != 2:
        return None
    axis = axes if isinstance(axes, int) else axes[0]
    return math.prod(outputs[0]) * inputs[0][axis - 1 if axis > 0 else axis]


def count_multi_head_attention(layer: Any, inputs: Shapes, outputs: Shapes) -> int:
    """Count projections, scores and weighted sums of a ``MultiHeadAttention``."""
    query, value, key = _query_value_key(inputs)
    heads, key_size, value_size = layer._num_heads, layer._key_dim, layer._value_dim
    positions, sources = math.prod(query[:-1]), math.prod(value[:-1])
    attended = math.prod(value[axis - 1] for axis in layer._attention_axes)
    projections = heads * (positions * query[-1] * key_size + sources * (key[-1] * key_size + value[-1] * value_size))
    output = positions * heads * value_size * outputs[0][-1]
    return projections + positions * attended * heads * (key_size + value_size) + output


def count_grouped_query_attention(layer: Any, inputs: Shapes, _: Shapes) -> int:
    """Count a ``GroupQueryAttention``, whose heads share keys and values in groups."""
    query, value, key = _query_value_key(inputs)
    positions, sources = math.prod(query[:-1]), math.prod(value[:-1])
    size, heads, shared = layer.head_dim, layer.num_query_heads, layer.num_key_value_heads
    projections = positions * query[-1] * heads * size + sources * (key[-1] + value[-1]) * shared * size
    return projections + 2 * positions * sources * heads * size + positions * heads * size * query[-1]


def count_attention(_: Any, inputs: Shapes, __: Shapes) -> int:
    """Count an ``Attention`` or ``AdditiveAttention``: one product per feature for the scores, one for the sums."""
    query, value, key = _query_value_key(inputs)
    return math.prod(query[:-1]) * value[-2] * (key[-1] + value[-1])


def _query_value_key(inputs: Shapes) -> tuple[Shape, Shape, Shape]:
    query, value = inputs[0], inputs[1] if len(inputs) > 1 else inputs[0]
    key = inputs[2] if len(inputs) > 2 and len(inputs[2]) == len(value) else value  # a mask has fewer axes
    return query, value, key


def count_recurrent(layer: Any, inputs: Shapes, _: Shapes) -> int | None:
    """Count a recurrent layer: the kernels of its cells at each step."""
    cells = getattr(layer.cell, "cells", [layer.cell])
    kernels = [getattr(cell, name, None) for cell in cells for name in ("kernel", "recurrent_kernel")]
    if any(kernel is None for kernel in kernels) or any(type(cell).__module__[:5] != "keras" for cell in cells):
        return None
    return inputs[0][0] * sum(math.prod(kernel.shape) for kernel in kernels if kernel is not None)


def count_convolutional_recurrent(layer: Any, inputs: Shapes, outputs: Shapes) -> int:
    """Count a ``ConvLSTM``: the convolutions of the input and of the state at each position and step."""
    output = outputs[0][1:] if layer.return_sequences else outputs[0]
    is_first = layer.cell.data_format == "channels_first"
    positions = math.prod(output[1:] if is_first else output[:-1])
    elements = math.prod(layer.cell.kernel.shape) + math.prod(layer.cell.recurrent_kernel.shape)
    return inputs[0][0] * positions * elements


RULES: dict[str, Count] = {
    "EinsumDense": count_einsum_dense,
    "Einsum": count_einsum_operation,
    "Matmul": count_matmul,
    "Dot": count_dot,
    "MultiHeadAttention": count_multi_head_attention,
    "GroupedQueryAttention": count_grouped_query_attention,
    "Attention": count_attention,
    "AdditiveAttention": count_attention,
    "SimpleRNN": count_recurrent,
    "GRU": count_recurrent,
    "LSTM": count_recurrent,
    "RNN": count_recurrent,
    "ConvLSTM1D": count_convolutional_recurrent,
    "ConvLSTM2D": count_convolutional_recurrent,
    "ConvLSTM3D": count_convolutional_recurrent,
}
