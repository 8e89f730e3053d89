"""Parameters and multiply-accumulates of any Keras model, for problems that give ``build_model`` and no blueprint.

Layers are recognised by the name of their Keras class, so nothing is imported here. Each call of a layer is counted
with the shapes of that call: read from the graph of a functional model, or recorded during one symbolic call of a
subclassed one.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from metaopt.blueprint.layer import Shape


@dataclass(frozen=True)
class Counts:
    """What the guard needs to know of a model, in the units of ``Blueprint``.

    Attributes:
        params: as ``model.count_params()``.
        trainable_params: those that gradients change.
        macs: multiply-accumulates for one image.
        activations: numbers in the outputs of all layer calls for one image, the input included.
        unknown: classes of layers that were counted with 0 multiply-accumulates though they may have some. What a
            subclassed model computes outside of layers is not seen.
    """

    params: int
    trainable_params: int
    macs: int
    activations: int
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Call:
    layer: Any
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]


def count_keras(model: Any) -> Counts:
    """Counts a built ``keras.Model``: functional, ``Sequential`` or subclassed, models within models too.

    Raises:
        ValueError: the model is not built, so that its shapes are not known.
    """
    if not model.built:
        raise ValueError(f"{model.name} is not built: call it on an input or give its layers an input shape first")
    macs = activations = 0
    unknown: dict[str, None] = {}
    for call in _calls(model):
        activations += sum(map(math.prod, call.outputs))
        if not call.inputs:  # an image comes in
            continue
        rule = _rule(call.layer)
        if rule is None:
            unknown[type(call.layer).__name__] = None
        else:
            macs += rule(call)
    return Counts(
        params=model.count_params(),
        trainable_params=sum(math.prod(weight.shape) for weight in model.trainable_weights),
        macs=macs,
        activations=activations,
        unknown=tuple(unknown),
    )


def _calls(model: Any) -> Iterator[_Call]:
    """All calls of layers without layers of their own in one pass through the model."""
    graph = getattr(model, "_functional", None) or model  # a Sequential keeps its graph there
    if hasattr(graph, "_nodes_by_depth"):
        yield from _calls_of_graph(graph)
    else:
        from metaopt.blueprint.to_keras import record_calls

        for layer, inputs, outputs in record_calls(model):
            yield _Call(layer, _shapes(inputs), _shapes(outputs))


def _calls_of_graph(graph: Any) -> Iterator[_Call]:
    # Keras has no public list of a model's nodes; its own summary reads the same attribute.
    for node in chain.from_iterable(graph._nodes_by_depth.values()):
        layer = node.operation
        if getattr(layer, "layers", None):
            # Its inputs are tensors of this graph and counted here.
            yield from (call for call in _calls(layer) if call.inputs)
        else:
            yield _Call(layer, _shapes(node.input_tensors), _shapes(node.output_tensors))


def _shapes(tensors: Iterable[Any]) -> tuple[Shape, ...]:
    """Shapes without the batch; a size that is not known counts as 1."""
    return tuple(tuple(size or 1 for size in tensor.shape[1:]) for tensor in tensors)


def _kernel_size(layer: Any, *names: str) -> int:
    return sum(math.prod(getattr(layer, name).shape) for name in names)


def _positions(layer: Any, shape: Shape) -> int:
    """Where a kernel is applied: all axes but the channels."""
    channels_first = getattr(layer, "data_format", None) == "channels_first"
    return math.prod(shape[1:] if channels_first else shape[:-1])


def _convolution(call: _Call) -> int:
    return _positions(call.layer, call.outputs[0]) * _kernel_size(call.layer, "kernel")


def _transposed_convolution(call: _Call) -> int:
    return _positions(call.layer, call.inputs[0]) * _kernel_size(call.layer, "kernel")


def _separable_convolution(call: _Call) -> int:
    return _positions(call.layer, call.outputs[0]) * _kernel_size(call.layer, "depthwise_kernel", "pointwise_kernel")


def _nothing(_: _Call) -> int:
    return 0


_RULES: dict[str, Callable[[_Call], int]] = {
    "Dense": _convolution,  # a dense layer over the last axis is a convolution of size 1
    "Conv1D": _convolution,
    "Conv2D": _convolution,
    "Conv3D": _convolution,
    "DepthwiseConv1D": _convolution,
    "DepthwiseConv2D": _convolution,
    "Conv1DTranspose": _transposed_convolution,
    "Conv2DTranspose": _transposed_convolution,
    "Conv3DTranspose": _transposed_convolution,
    "SeparableConv1D": _separable_convolution,
    "SeparableConv2D": _separable_convolution,
}


# Layers and operations of Keras that multiply tensors with each other.
_PRODUCTS = frozenset({"AdditiveAttention", "Attention", "Conv", "Dot", "Einsum", "Matmul", "Tensordot"})


def _rule(layer: Any) -> Callable[[_Call], int] | None:
    """The rule of the layer's class, or of the Keras class that it extends without a ``call`` of its own."""
    for cls in type(layer).__mro__:
        from_keras = cls.__module__.partition(".")[0] == "keras"
        if from_keras and cls.__name__ in _RULES:
            return _RULES[cls.__name__]
        if cls.__module__.startswith("metaopt.blueprint."):  # ours only scale and add
            return _nothing
        if not from_keras and "call" in vars(cls):
            return None
    # What else Keras has without a matrix of weights works on single numbers or moves them: pooling, normalisation, …
    weights = getattr(layer, "weights", ())
    if type(layer).__name__ in _PRODUCTS or any(len(weight.shape) > 1 for weight in weights):
        return None
    return _nothing
