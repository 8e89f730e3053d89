"""Backbones and their parts in Keras."""

import contextlib
import functools
import re
from collections.abc import Iterator
from typing import Any

from metaopt.backbones.source import UnsupportedSize, identify, is_application, named, weights_folder
from metaopt.blueprint.keras_files import is_about_lambda
from metaopt.blueprint.keras_weights import set_all_weights
from metaopt.errors import UserError
from metaopt.terminal.commands import shown
from metaopt.values.safe_text import describe_cause

# Networks of keras.applications by the pixels that they take; those of the families VGG and ResNet (version 1) swap the
# channels before, for which Keras has no layer.
_TAKE_BYTES = ("EfficientNet", "ConvNeXt", "MobileNetV3")  # 0..255, scaled inside
_TAKE_SIGNED = ("MobileNet", "ResNet", "Inception", "Xception", "NASNet")  # −1..1
_TAKE_STANDARDIZED = ("DenseNet",)  # ImageNet's means and standard deviations of the channels
_MEANS, _DEVIATIONS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # keras/src/applications/imagenet_utils.py
_CHANNELS = 3
_SCALERS = ("Rescaling", "Normalization")


def load_backbone(source: str, size: tuple[int, int]) -> Any:
    """Return a new functional ``keras.Model`` with the pretrained weights, for images of one size.

    It takes pixels in 0..255. Batch normalisation is not trainable, everything else is.

    Args:
        source: see ``read_facts``.
        size: height and width.

    Raises:
        UserError: See ``read_facts``.
    """
    import keras

    base = _load(source, identify(source))
    config = base.get_config()
    for layer in config["layers"]:
        if layer["class_name"] == "InputLayer":
            layer["config"] |= {"batch_shape": (None, *size, _CHANNELS), "dtype": "float32"}
    try:
        model = keras.Model.from_config(config)
    except ValueError as error:
        raise UnsupportedSize(
            f"The backbone {named(source)} takes no images of {size[0]}×{size[1]}:"
            f" {describe_cause(error).partition(' Received')[0].rstrip('.')}.",
            "backbones",
        ) from error
    set_all_weights(model, base.get_weights())
    model.trainable = True
    for layer in model._flatten_layers(include_self=False):
        if isinstance(layer, keras.layers.BatchNormalization):
            # Keras trains the statistics of a call with training=False, too, if the layer is trainable.
            layer.trainable = False
    return model


def make_part(source: str, size: tuple[int, int], start: str | None, end: str, name: str, *, is_tuned: bool) -> Any:
    """Return the part of a backbone between two cuts as a new ``keras.Model`` with the pretrained weights.

    Args:
        source: see ``read_facts``.
        size: height and width of the backbone's images.
        start: layer after whose output it begins; None for the images.
        end: layer with whose output it ends.
        name: name of the model.
        is_tuned: whether its weights are trainable, those of batch normalisation apart.
    """
    import keras

    model = load_backbone(source, size)
    outputs = {node.operation.name: node.output_tensors[0] for node in order_nodes(model)}
    part = keras.Model(model.inputs[0] if start is None else outputs[start], outputs[end], name=name)
    if not is_tuned:
        part.trainable = False
    return part


def order_nodes(model: Any) -> list[Any]:
    """Return the nodes of a functional model in the order of the computation."""
    # Keras has no public list of the nodes of a model; its own summary reads the same attribute.
    by_depth = model._nodes_by_depth
    return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]


@functools.lru_cache(maxsize=2)
def _load(source: str, digest: str) -> Any:  # noqa: ARG001 - a changed file is loaded again
    """Return a functional model with the pretrained weights, whose layers are never trained."""
    with _on_cpu():
        return _make_application(source) if is_application(source) else _load_file(source)


@contextlib.contextmanager
def _on_cpu() -> Iterator[None]:
    """Keep the weights that are only copied from out of a GPU's memory."""
    import keras

    if keras.backend.backend() == "torch":  # Keras' device scope would move the layers' later copies, too
        yield
        return
    with keras.device("cpu:0"):
        yield


def _load_file(source: str) -> Any:
    import keras

    try:
        model = keras.saving.load_model(source, safe_mode=True, compile=False)
    except (ValueError, TypeError, KeyError, OSError, AttributeError) as error:
        raise UserError(
            f"The backbone {named(source)} cannot be loaded by Keras, without code of its own:"
            f" {_describe_unloadable(error)}.",
            "backbones",
        ) from error
    if isinstance(model, keras.Sequential) and model.built:
        model = keras.Model(model.inputs, model.outputs)
    if not hasattr(model, "_nodes_by_depth"):
        raise UserError(
            f"The backbone {named(source)} is a subclassed model, whose layers are known to its code only. Expected a"
            " functional or sequential model.",
            "backbones",
        )
    model = _inline(model, source)
    _check_inputs(model, source)
    return model


def _describe_unloadable(error: BaseException) -> str:
    """Return why a file cannot be loaded; Keras advises to run its code, or names a layer after its configurations."""
    if is_about_lambda(error):
        return "it holds a Lambda layer"
    unknown = re.search(r"Could not locate class '(\w+)'", str(error))
    return describe_cause(error) if unknown is None else f"its layer {unknown[1]} is none of Keras'"


def _inline(model: Any, source: str) -> Any:
    """Return a functional model whose nested models are replaced by their layers: it can be cut in them, too.

    Their sizes are known where those of a nested model, which keeps the graph that it was made with, are not.

    Raises:
        UserError: They do not take the shapes of each other.
    """
    import keras

    if not any(map(_is_graph, model.layers)):
        return model
    names: dict[str, Any] = {}
    for layer in _leaves(model):  # layers of two models may have one name
        name, number = layer.name, 1
        while names.setdefault(layer.name, layer) is not layer:
            number += 1
            layer.name = f"{name}_{number}"
    images = keras.Input(batch_shape=model.inputs[0].shape, dtype=model.inputs[0].dtype)
    try:
        return keras.Model(images, _call_layers(model, images))
    except ValueError as error:
        raise UserError(
            f"The backbone {named(source)} cannot be cut in the models that are nested in it: {describe_cause(error)}.",
            "backbones",
        ) from error


def _is_graph(layer: Any) -> bool:
    return hasattr(getattr(layer, "_functional", layer), "_nodes_by_depth")


def _leaves(model: Any) -> Iterator[Any]:
    """Yield the layers and operations of a functional or sequential model, and those of the models nested in it."""
    for layer in getattr(model, "_functional", model).operations:
        if _is_graph(layer):
            yield from _leaves(layer)
        else:
            yield layer


def _call_layers(model: Any, *inputs: Any, **_: Any) -> Any:
    """Call the layers of a functional or sequential model, and those of the models nested in it."""
    # The method is Keras' own for another pass over a graph; what clone_model offers keeps nested models.
    graph = getattr(model, "_functional", model)
    return graph._run_through_graph(
        inputs, lambda layer: functools.partial(_call_layers, layer) if _is_graph(layer) else layer
    )


def _check_inputs(model: Any, source: str) -> None:
    """Check that a model takes RGB images with pixels in 0..255 of any size.

    Raises:
        UserError: It takes something else.
    """
    shapes = [tuple(each.shape) for each in model.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][-1] not in (None, _CHANNELS):
        found = " and ".join(str(shape[1:]) for shape in shapes)
        raise UserError(
            f"The backbone {named(source)} takes {found}. Expected RGB images, (height, width, {_CHANNELS}).",
            "backbones",
        )
    if None not in shapes[0][1:3]:
        height, width = shapes[0][1:3]
        raise UserError(
            f"The backbone {named(source)} takes images of {height}×{width} only. Save it with"
            " keras.Input((None, None, 3)), so that the search can choose the size.",
            "backbones",
        )
    layers = [node.operation for node in order_nodes(model)]
    first = next((n for n, layer in enumerate(layers) if _is_trained(layer)), len(layers))
    if not any(type(layer).__name__ in _SCALERS for layer in layers[:first]):
        raise UserError(
            f"The backbone {named(source)} does not begin with a layer Rescaling or Normalization, so the range of its"
            " pixels is unknown. Expected a model that takes pixels in 0..255.",
            "backbones",
        )


def _is_trained(layer: Any) -> bool:
    return bool(getattr(layer, "weights", ())) and type(layer).__name__ not in _SCALERS


def _make_application(name: str) -> Any:
    """Return a network of ``keras.applications`` with ImageNet weights, which takes pixels in 0..255.

    Raises:
        UserError: There is none of this name, or its weights are neither on this machine nor can be downloaded.
    """
    import keras

    known = {
        key: make
        for key, make in vars(keras.applications).items()
        if callable(make) and key[0].isupper() and key.startswith((*_TAKE_BYTES, *_TAKE_SIGNED, *_TAKE_STANDARDIZED))
    }
    known = {key: make for key, make in known.items() if not key.startswith("ResNet") or key.endswith("V2")}
    if name not in known:
        raise UserError(
            f"Unknown backbone: {name}. Expected a .keras file, or one of {', '.join(sorted(known))}.", "backbones"
        )
    images = keras.Input((None, None, _CHANNELS))
    pixels = images
    if name.startswith(_TAKE_STANDARDIZED):
        scale = [1 / (255 * deviation) for deviation in _DEVIATIONS]
        offset = [-mean / deviation for mean, deviation in zip(_MEANS, _DEVIATIONS, strict=True)]
        pixels = keras.layers.Rescaling(scale, offset)(images)
    elif not name.startswith(_TAKE_BYTES):
        pixels = keras.layers.Rescaling(1 / 127.5, -1.0)(images)
    try:
        return known[name](include_top=False, weights="imagenet", input_tensor=pixels)
    except (OSError, ValueError) as error:
        raise UserError(_describe_missing(name, error), "backbones") from error
    except Exception as error:  # Keras raises a bare Exception where a download fails
        if type(error) is not Exception:
            raise
        raise UserError(_describe_missing(name, error), "backbones") from error


def _describe_missing(name: str, error: BaseException) -> str:
    """Return what to do where the weights of a network cannot be downloaded."""
    text = describe_cause(error)
    address = next((word for word in text.split() if word.startswith("http")), "")
    file = f"the file {address.rpartition('/')[2].rstrip(':')}" if address else "its file of weights"
    return (
        f"The weights of {name} are not in {shown(weights_folder())} and could not be downloaded ({text}). Put {file}"
        " there, or name a .keras file."
    )
