"""Conversion of a blueprint to a Keras model.

Keras is imported inside the functions, so that importing ``metaopt.blueprint`` does not import a framework.
"""

import functools
from collections import Counter
from typing import TYPE_CHECKING, Any

from metaopt.blueprint.layer import Layer, Node

if TYPE_CHECKING:
    from metaopt.blueprint.blueprint import Blueprint


def to_keras(blueprint: "Blueprint", inference: bool = False) -> Any:
    """Build an uncompiled functional ``keras.Model`` with new weights, seeded by ``keras.utils.set_random_seed``.

    Outputs given by name become a dict head → tensor, even if there is only one: ``fit`` then takes losses, labels and
    metrics by head (for one head also plain ones), and ``predict`` returns a dict. An output given without a name
    becomes a plain tensor. The last layer of each head has the name of the head. Under a mixed-precision policy the
    heads compute in float32, as Keras' mixed-precision guide recommends for a softmax.

    Args:
        blueprint: the network.
        inference: whether to build each layer with ``build_inference``. Such a model is for export: it has built-in
            Keras layers where possible, and takes the weights of the trained model (``set_weights``).
    """
    import keras

    layer_names = _assign_layer_names(blueprint)
    heads = set(blueprint.heads)
    built: dict[Layer, list[Any]] = {}
    tensors: dict[Node, Any] = {}
    for node in blueprint.nodes:
        layer = node.layer
        if not node.inputs:
            tensors[node] = layer.build(keras, layer_names[layer])
            continue
        if layer not in built:
            keras_layers = (layer.build_inference if inference else layer.build)(keras, layer_names[layer])
            built[layer] = list(keras_layers) if isinstance(keras_layers, list | tuple) else [keras_layers]
            if layer_names[layer] in heads:
                built[layer][-1].dtype_policy = _get_head_policy(keras)
        inputs = [tensors[inbound] for inbound in node.inputs]
        tensor = inputs if layer.merges else inputs[0]
        for keras_layer in built[layer]:
            tensor = keras_layer(tensor)
        tensors[node] = tensor
    outputs = {head: tensors[node] for head, node in blueprint.heads.items()}
    for head, node in blueprint.heads.items():
        if layer_names[node.layer] != head:
            identity = keras.layers.Activation("linear", name=head, dtype=_get_head_policy(keras))
            outputs[head] = identity(tensors[node])
    inputs = [tensors[node] for node in blueprint.inputs]
    return keras.Model(
        inputs[0] if len(inputs) == 1 else inputs,
        outputs if blueprint.named else next(iter(outputs.values())),
    )


def _assign_layer_names(blueprint: "Blueprint") -> dict[Layer, str]:
    """Return layer → name of the Keras layer.

    A layer that is called once and ends exactly one head gets the name of the head. For any other head, ``to_keras``
    adds an identity layer with the name of the head, and the layer itself gets another name.
    """
    calls = Counter(node.layer for node in blueprint.nodes)
    ends = Counter(blueprint.heads.values())
    names: dict[Layer, str] = {}
    for node, name in blueprint.names.items():
        if ends[node] and (calls[node.layer] > 1 or ends[node] > 1 or not node.inputs):
            name = f"{name}_shared"
        names.setdefault(node.layer, name)
    return names


def _get_head_policy(keras: Any) -> Any:
    """Return the dtype policy of the heads: float32 under mixed precision, otherwise the policy of the user."""
    policy = keras.config.dtype_policy()
    return keras.DTypePolicy("float32") if policy.compute_dtype in ("float16", "bfloat16") else policy


def record_calls(model: Any) -> list[tuple[Any, list[Any], list[Any]]]:
    """Record the layer calls of a subclassed model during one symbolic call.

    Args:
        model: a built model with one input tensor.

    Returns:
        (layer, input tensors, output tensors) for each call of a layer of Keras or without sublayers, in order.
        The first entry is the input, with the model in place of the layer.
    """
    import keras

    calls: list[tuple[Any, list[Any], list[Any]]] = []

    def wrap_call(layer: Any, call: Any) -> Any:
        @functools.wraps(call)
        def recorded_call(*args: Any, **kwargs: Any) -> Any:
            outputs = call(*args, **kwargs)
            tensors = [tensor for tensor in keras.tree.flatten((args, kwargs)) if hasattr(tensor, "shape")]
            calls.append((layer, tensors, keras.tree.flatten(outputs)))
            return outputs

        return recorded_call

    layers = list(model._flatten_layers(include_self=False))
    # Keras' attention, recurrent layers and wrappers have sublayers, and are counted as a whole.
    whole = [layer for layer in layers if layer._layers and type(layer).__module__.startswith("keras.src.layers.")]
    parts = {id(part) for layer in whole for part in layer._flatten_layers(include_self=False)}
    inner = [layer for layer in layers if (layer in whole or not layer._layers) and id(layer) not in parts]
    for layer in inner:
        # Written into vars(), because Keras' __setattr__ would track the attribute. Deleting it restores the method.
        vars(layer)["call"] = wrap_call(layer, layer.call)
    try:
        (shape,) = model._build_shapes_dict.values()
        images = keras.KerasTensor(shape)
        calls.append((model, [], [images]))
        model.compute_output_spec(images)
    finally:
        for layer in inner:
            vars(layer).pop("call", None)
    return calls
