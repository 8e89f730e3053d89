"""Parameters and multiply-accumulates of any Keras model, for problems with ``build_model`` instead of ``network``.

Layers are recognised by the name of their Keras class, so this file does not import Keras. Each call of a layer is
counted with the shapes of that call. The shapes come from the graph of a functional model, or from one recorded
symbolic call of a subclassed model.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from metaopt.blueprint.keras_products import RULES, Count
from metaopt.blueprint.layer import Shape


@dataclass(frozen=True)
class Counts:
    """Counts of a Keras model, in the units of ``Blueprint``.

    Attributes:
        params: number of parameters, as ``model.count_params()``.
        trainable_params: number of parameters with gradients.
        macs: multiply-accumulates for one image, without those of unknown layers. Operations of a subclassed model
            outside of layers do not count.
        activations: elements of the outputs of all layer calls for one image, including the input.
        unknown: names of layer classes that no rule covers, or whose sizes are unknown, so that the
            multiply-accumulates are a lower bound.
    """

    params: int
    trainable_params: int
    macs: int
    activations: int
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Call:
    """One call of a layer.

    Attributes:
        layer: the Keras layer.
        inputs: input shapes without the batch; empty for an input layer.
        outputs: output shapes without the batch.
        is_sized: whether all sizes of the inputs are known; an unknown one is 1 in the shapes.
    """

    layer: Any
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    is_sized: bool = True


def count_keras(model: Any) -> Counts:
    """Count a built ``keras.Model``: functional, ``Sequential`` or subclassed, including nested models.

    Raises:
        ValueError: the model is not built, so its shapes are unknown.
    """
    if not model.built:
        raise ValueError(
            f"The model {model.name} is not built. Call it on an input, or begin its layers with keras.Input(shape)."
        )
    return replace(
        _count_calls(_iterate_calls(model)),
        params=model.count_params(),
        trainable_params=sum(math.prod(weight.shape) for weight in model.trainable_weights),
    )


def count_node(node: Any) -> Counts:
    """Count one node of a functional Keras model: a call of a layer or of a nested model.

    Returns:
        Counts without parameters, which calls of a shared layer have in common.
    """
    return _count_calls(_iterate_node_calls(node))


def _count_calls(calls: Iterable[_Call]) -> Counts:
    """Count calls of layers; without parameters."""
    macs = activations = 0
    unknown: dict[str, None] = {}
    for call in calls:
        activations += sum(map(math.prod, call.outputs))
        if not call.inputs:  # an input layer
            continue
        count = _count_call(call)
        name = type(call.layer).__name__
        if count is None:
            unknown[name] = None
        elif count and not call.is_sized:
            unknown[f"{name} of unknown size"] = None
        else:
            macs += count
    return Counts(0, 0, macs, activations, tuple(unknown))


def _iterate_calls(model: Any) -> Iterator[_Call]:
    """Yield all calls of layers without sublayers during one forward pass."""
    graph = getattr(model, "_functional", None) or model  # the graph of a Sequential
    if hasattr(graph, "_nodes_by_depth"):
        yield from _iterate_graph_calls(graph)
    else:
        from metaopt.blueprint.to_keras import record_calls

        for layer, inputs, outputs in record_calls(model):
            yield _Call(layer, _get_shapes(inputs), _get_shapes(outputs))


def _iterate_graph_calls(graph: Any) -> Iterator[_Call]:
    # Keras has no public list of the nodes of a model; its own summary reads the same attribute.
    for node in chain.from_iterable(graph._nodes_by_depth.values()):
        yield from _iterate_node_calls(node)


def _iterate_node_calls(node: Any) -> Iterator[_Call]:
    layer = node.operation
    if getattr(layer, "layers", None):
        # The inputs of a nested model are tensors of this graph, which are counted already.
        yield from (call for call in _iterate_calls(layer) if call.inputs)
    else:
        is_sized = all(None not in tensor.shape[1:] for tensor in node.input_tensors)
        yield _Call(layer, _get_shapes(node.input_tensors), _get_shapes(node.output_tensors), is_sized)


def _get_shapes(tensors: Iterable[Any]) -> tuple[Shape, ...]:
    """Return shapes without the batch; an unknown size counts as 1."""
    return tuple(tuple(size or 1 for size in tensor.shape[1:]) for tensor in tensors)


def _count_kernel_elements(layer: Any, *names: str) -> int:
    return sum(math.prod(getattr(layer, name).shape) for name in names)


def _count_positions(layer: Any, shape: Shape) -> int:
    """Return the number of positions at which a kernel is applied: the product of all axes except the channels."""
    channels_first = getattr(layer, "data_format", None) == "channels_first"
    return math.prod(shape[1:] if channels_first else shape[:-1])


def _count_convolution(call: _Call) -> int:
    return _count_positions(call.layer, call.outputs[0]) * _count_kernel_elements(call.layer, "kernel")


def _count_transposed_convolution(call: _Call) -> int:
    return _count_positions(call.layer, call.inputs[0]) * _count_kernel_elements(call.layer, "kernel")


def _count_separable_convolution(call: _Call) -> int:
    kernel_elements = _count_kernel_elements(call.layer, "depthwise_kernel", "pointwise_kernel")
    return _count_positions(call.layer, call.outputs[0]) * kernel_elements


def _count_zero(_: _Call) -> int:
    return 0


def _count_wrapped(call: _Call) -> int | None:
    """Count a layer that applies another one once."""
    return _count_call(_Call(call.layer.layer, call.inputs, call.outputs))


def _count_time_distributed(call: _Call) -> int | None:
    """Count a layer that applies another one to each step."""
    inputs, outputs = (tuple(shape[1:] for shape in each) for each in (call.inputs, call.outputs))
    step = _count_call(_Call(call.layer.layer, inputs, outputs))
    return None if step is None else call.inputs[0][0] * step


def _count_bidirectional(call: _Call) -> int | None:
    """Count a layer that applies two recurrent ones."""
    both = (call.layer.forward_layer, call.layer.backward_layer)
    counts = [_count_call(_Call(layer, call.inputs, call.outputs)) for layer in both]
    return None if None in counts else sum(count for count in counts if count is not None)


def _count_product(count: Count) -> "Rule":
    return lambda call: count(call.layer, call.inputs, call.outputs)


Rule = Callable[[_Call], int | None]


# Keras class → multiply-accumulates of one call.
_MACS_RULES: dict[str, Rule] = {
    "Dense": _count_convolution,  # a dense layer over the last axis is a convolution with kernel size 1
    "Conv1D": _count_convolution,
    "Conv2D": _count_convolution,
    "Conv3D": _count_convolution,
    "DepthwiseConv1D": _count_convolution,
    "DepthwiseConv2D": _count_convolution,
    "Conv1DTranspose": _count_transposed_convolution,
    "Conv2DTranspose": _count_transposed_convolution,
    "Conv3DTranspose": _count_transposed_convolution,
    "SeparableConv1D": _count_separable_convolution,
    "SeparableConv2D": _count_separable_convolution,
    **{name: _count_product(count) for name, count in RULES.items()},
    "Bidirectional": _count_bidirectional,
    "SpectralNormalization": _count_wrapped,
    "TimeDistributed": _count_time_distributed,
    # Weights with more than one axis that are only looked up, or multiplied elementwise.
    **dict.fromkeys(("BatchNormalization", "Embedding", "LayerNormalization", "PReLU"), _count_zero),
}


# Keras layers and operations without a rule that may multiply tensors with each other.
_PRODUCTS = frozenset({"Conv", "Lambda", "Tensordot"})


def _count_call(call: _Call) -> int | None:
    """Return the multiply-accumulates of a call; None for a layer that no rule covers."""
    rule = _find_macs_rule(call.layer)
    return None if rule is None else rule(call)


def _find_macs_rule(layer: Any) -> Rule | None:
    """Return the rule of a layer's class, or of the Keras class that it extends without overriding ``call``.

    Returns:
        A function that counts the multiply-accumulates of a call, or None for unknown layers.
    """
    for cls in type(layer).__mro__:
        is_from_keras = cls.__module__.partition(".")[0] == "keras"
        if is_from_keras and cls.__name__ in _MACS_RULES:
            return _MACS_RULES[cls.__name__]
        if cls.__module__.startswith("metaopt.blueprint."):  # our custom layers only scale and add
            return _count_zero
        if not is_from_keras and "call" in vars(cls):
            return None
    # All other Keras layers without a weight matrix work elementwise or move elements: pooling, normalisation, …
    weights = getattr(layer, "weights", ())
    if type(layer).__name__ in _PRODUCTS or any(len(weight.shape) > 1 for weight in weights):
        return None
    return _count_zero
