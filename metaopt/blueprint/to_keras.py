"""A blueprint as a Keras model: the only file of the lower floors that imports Keras, and inside its functions only."""

import functools
from collections import Counter
from typing import TYPE_CHECKING, Any

from metaopt.blueprint.layer import Layer, Node

if TYPE_CHECKING:
    from metaopt.blueprint.blueprint import Blueprint


def to_keras(blueprint: "Blueprint", inference: bool = False) -> Any:
    """An uncompiled functional ``keras.Model`` with fresh weights (``keras.utils.set_random_seed`` seeds them).

    Outputs given by name become a dict head → tensor, also where there is one: ``fit`` then takes losses, labels and
    metrics by head (and, for one head, plain ones), and ``predict`` returns a dict. An output that was given without a
    name becomes a plain tensor. The layers at the end bear the heads' names. Under a mixed-precision policy the heads
    compute in float32, as Keras' guide to mixed precision advises for a softmax.

    Args:
        blueprint: the network.
        inference: makes each layer with ``build_inference``: the model is not to be trained, has no custom layer that
            can do without, and takes the weights of the one to be trained (``set_weights(other.get_weights())``).
    """
    import keras

    layer_names = _layer_names(blueprint)
    heads = set(blueprint.heads)
    built: dict[Layer, list[Any]] = {}
    tensors: dict[Node, Any] = {}
    for node in blueprint.nodes:
        layer = node.layer
        if not node.inputs:
            tensors[node] = layer.build(keras, layer_names[layer])
            continue
        if layer not in built:
            made = (layer.build_inference if inference else layer.build)(keras, layer_names[layer])
            built[layer] = list(made) if isinstance(made, list | tuple) else [made]
            if layer_names[layer] in heads:
                built[layer][-1].dtype_policy = _float32(keras)
        inputs = [tensors[source] for source in node.inputs]
        tensor = inputs if layer.merges else inputs[0]
        for keras_layer in built[layer]:
            tensor = keras_layer(tensor)
        tensors[node] = tensor
    outputs = {head: tensors[node] for head, node in blueprint.heads.items()}
    for head, node in blueprint.heads.items():
        if layer_names[node.layer] != head:
            identity = keras.layers.Activation("linear", name=head, dtype=_float32(keras))
            outputs[head] = identity(tensors[node])
    inputs = [tensors[node] for node in blueprint.inputs]
    return keras.Model(
        inputs[0] if len(inputs) == 1 else inputs,
        outputs if blueprint.named else next(iter(outputs.values())),
    )


def _layer_names(blueprint: "Blueprint") -> dict[Layer, str]:
    """Layer → the Keras layer's name.

    A layer that ends one head and is called once bears the head's name; for any other head an identity is added that
    bears it, and the layer gets a name of its own.
    """
    calls = Counter(node.layer for node in blueprint.nodes)
    ends = Counter(blueprint.heads.values())
    names: dict[Layer, str] = {}
    for node, name in blueprint.names.items():
        if ends[node] and (calls[node.layer] > 1 or ends[node] > 1 or not node.inputs):
            name = f"{name}_shared"
        names.setdefault(node.layer, name)
    return names


def _float32(keras: Any) -> Any:
    """float32, or the wider policy that the user chose."""
    policy = keras.config.dtype_policy()
    return keras.DTypePolicy("float32") if policy.compute_dtype in ("float16", "bfloat16") else policy


def record_calls(model: Any) -> list[tuple[Any, list[Any], list[Any]]]:
    """One symbolic call of a built model whose graph is not known: (layer, input tensors, output tensors) of each call.

    Only layers without layers of their own are listed, in the order of the calls.

    Args:
        model: takes one tensor and is built.
    """
    import keras

    calls: list[tuple[Any, list[Any], list[Any]]] = []

    def recording(layer: Any, call: Any) -> Any:
        @functools.wraps(call)
        def recorded(*args: Any, **kwargs: Any) -> Any:
            outputs = call(*args, **kwargs)
            tensors = [tensor for tensor in keras.tree.flatten((args, kwargs)) if hasattr(tensor, "shape")]
            calls.append((layer, tensors, keras.tree.flatten(outputs)))
            return outputs

        return recorded

    inner = [layer for layer in model._flatten_layers(include_self=False) if not layer._layers]
    for layer in inner:
        # Past Keras' own __setattr__, which would track it; the class's call comes back when it is deleted.
        vars(layer)["call"] = recording(layer, layer.call)
    try:
        (shape,) = model._build_shapes_dict.values()
        images = keras.KerasTensor(shape)
        calls.append((model, [], [images]))
        model.compute_output_spec(images)
    finally:
        for layer in inner:
            vars(layer).pop("call", None)
    return calls
