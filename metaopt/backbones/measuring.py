"""Measuring of a backbone with Keras, in a process of its own: its cuts, and the counts up to each of them."""

import contextlib
import json
import math
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

from metaopt.backbones.facts import Cut, describe
from metaopt.backbones.loading import load_backbone, order_nodes
from metaopt.backbones.source import UnsupportedSize, named
from metaopt.blueprint.from_keras import count_node
from metaopt.errors import UserError

# Kinds of layers that keep the shape: the map before one of these is no better place for a cut than the map after it.
_FOLLOWING = frozenset(
    {
        "Activation",
        "BatchNormalization",
        "Dropout",
        "ELU",
        "LayerNormalization",
        "LeakyReLU",
        "Normalization",
        "PReLU",
        "ReLU",
        "Rescaling",
    }
)

_GLOBAL_POOLINGS = frozenset({"GlobalAveragePooling2D", "GlobalMaxPooling2D", "Max", "Mean"})


def measure(source: str, size: tuple[int, int]) -> tuple[list[Cut], list[str]]:
    """Return the cuts of a backbone for one image size, and the kinds of layers that could not be counted.

    Raises:
        UserError: See ``read_facts``.
    """
    model = load_backbone(source, size)
    cuts: list[Cut] = []
    uncounted: dict[str, None] = {}
    calls = Counter(id(node.operation) for node in order_nodes(model))
    seen: set[int] = set()
    macs = activations = params = tunable = 0
    for node, is_alone, is_cut in _cuts(model):
        layer = node.operation
        if is_alone and cuts and type(layer).__name__ in _GLOBAL_POOLINGS:
            break  # a classifier follows, whose convolutions may be layers of 1×1 images
        counted = count_node(node)
        macs, activations = macs + counted.macs, activations + counted.activations
        uncounted |= dict.fromkeys(counted.unknown)
        if id(layer) not in seen:
            seen.add(id(layer))
            params += layer.count_params() if hasattr(layer, "count_params") else 0
            tunable += sum(math.prod(weight.shape) for weight in getattr(layer, "trainable_weights", ()))
        shape = tuple(node.output_tensors[0].shape[1:])
        if is_cut and calls[id(layer)] == 1 and len(shape) == 3 and all(shape):
            cuts.append(Cut(layer.name, shape, macs, activations, params, tunable))
    if not cuts or not cuts[-1].params:
        raise UserError(
            f"The backbone {named(source)} has no feature map, i.e. no output (height, width, channels) of trained"
            " layers through which all that follows passes.",
            "backbones",
        )
    return cuts, list(uncounted)


def _cuts(model: Any) -> Iterator[tuple[Any, bool, bool]]:
    """Yield the nodes in the order of the computation, with two answers.

    They are whether all that follows depends on this one alone, and whether it is the best place for a cut as well.
    """
    nodes = order_nodes(model)
    last_use = {id(tensor): number for number, node in enumerate(nodes) for tensor in node.input_tensors}
    for tensor in model.outputs:
        last_use[id(tensor)] = len(nodes)
    consumers: dict[int, list[Any]] = {}
    for node in nodes:
        for tensor in node.input_tensors:
            consumers.setdefault(id(tensor), []).append(node.operation)
    needed: set[int] = set()  # outputs that a later node needs
    for number, node in enumerate(nodes):
        needed |= {id(tensor) for tensor in node.output_tensors}
        needed = {each for each in needed if last_use.get(each, -1) > number}
        own = id(node.output_tensors[0])
        kinds = {type(each).__name__ for each in consumers.get(own, ())}
        is_alone = needed == {own} and bool(node.input_tensors)
        yield node, is_alone, is_alone and not kinds & _FOLLOWING


def main() -> None:
    """Read what to measure from standard input, and write the facts as one line of JSON."""
    given = json.load(sys.stdin)
    with contextlib.redirect_stdout(sys.stderr):  # a download shows its progress
        sizes = [_describe(given["source"], tuple(size)) for size in given["sizes"]]
    sys.stdout.write(f"{json.dumps(sizes)}\n")


def _describe(source: str, size: tuple[int, int]) -> dict[str, Any]:
    """Return the facts for one size as JSON, or why there are none."""
    try:
        return describe(*measure(source, size))
    except UnsupportedSize as error:
        return {"unsupported": str(error)}
    except UserError as error:
        return {"error": str(error)}
