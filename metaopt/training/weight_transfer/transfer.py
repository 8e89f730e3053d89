"""Transfer of a parent's weights to its child: copied between matching layers, identity or zero in new layers."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from metaopt.training.weight_transfer import weight_copy
from metaopt.training.weight_transfer.graph import PADDING, TO_VECTOR, Graph, LayerCall, build_graph
from metaopt.training.weight_transfer.identity_init import (
    TensorMap,
    has_nonnegative_output,
    make_identity_weights,
    make_zero_weights,
    map_padding,
    maps_zero_to_zero,
)
from metaopt.training.weight_transfer.layer_matching import match_layers
from metaopt.training.weight_transfer.weight_copy import ChannelMap, Weights


@dataclass(frozen=True)
class TransferSummary:
    """Result of a weight transfer.

    Attributes:
        copied: names of the child's layers that got weights of the parent.
        neutral: names of new layers whose initial weights do not change the function: identity, or zero in a branch.
        n_layers: number of the child's layers that have weights.
    """

    copied: tuple[str, ...]
    neutral: tuple[str, ...]
    n_layers: int

    @property
    def n_transferred(self) -> int:
        """Number of copied and neutral layers; all other layers keep their initial weights."""
        return len(self.copied) + len(self.neutral)


def transfer_weights(child: keras.Model, parent: keras.Model) -> TransferSummary:
    """Copy the parent's weights to the child wherever their layers match; docs/inherit.md lists what is preserved.

    The result is a function of the two models alone. Only the child's weights change.

    Args:
        child: built model with its initial weights, functional or sequential; a subclassed model is not changed.
        parent: built model; it is not modified.
    """
    transfer = _WeightTransfer(build_graph(child), build_graph(parent))
    transfer.run()
    return TransferSummary(
        tuple(layer.name for layer in transfer.copied),
        tuple(layer.name for layer in transfer.neutral),
        len({id(layer) for layer in child.layers if layer.weights}),
    )


class _WeightTransfer:
    """Transfer that visits the child's calls from the input to the heads and maps the channels of their outputs.

    Attributes:
        copied: layers with weights of the parent; copied at their first call, because a layer may be called again.
        neutral: new layer → one of its calls and its function-preserving weights.
    """

    def __init__(self, child: Graph, parent: Graph) -> None:
        self.copied: dict[Any, None] = {}
        self.neutral: dict[Any, tuple[LayerCall, Weights]] = {}
        self._calls = child.calls
        self._matches = match_layers(child, parent)
        n_calls = Counter(call.layer for call in child.calls)
        # Heads, and layers that are called more than once, must not become neutral.
        self._never_neutral = {call for call in child.calls if call.has_weights and n_calls[call.layer] > 1}
        self._never_neutral |= {*child.heads.values()}
        self._next_calls = {source: call for call in child.calls for source in call.input_calls}
        self._tensors: dict[LayerCall, TensorMap] = {}
        self._identities: set[LayerCall] = set()  # new calls whose output equals their input

    def run(self) -> None:
        for call in self._calls:
            if call in self._tensors:
                continue
            if call in self._matches or len(call.input_calls) != 1:
                self._tensors[call] = self._initialise_sum(call) or self._copy(call)
            else:
                self._initialise_chain(list(self._find_new_chain(call)))
        for call, weights in self.neutral.values():
            _assign(call, weights)

    def _copy(self, call: LayerCall) -> TensorMap:
        """Copy the weights of the matching layer, if there is one, and return the map of the output."""
        inputs = [self._tensors[source] for source in call.input_calls]
        if call.class_name == PADDING:
            return map_padding(call, inputs[0])
        match = self._matches.get(call)
        if match is not None and call.has_weights and call.layer not in self.copied:
            channels = inputs[0].channels if inputs else weight_copy.map_by_index(0, 0)
            groups = _count_groups(call), _count_groups(match)
            new = weight_copy.copy_layer_weights(
                call.class_name, _get_weights(call), _get_weights(match), channels, groups
            )
            if new:
                _assign(call, new)
                self.copied[call.layer] = None
        channels = _map_output_channels(call, match or call, inputs)
        return TensorMap(channels, has_nonnegative_output(call, inputs))

    def _find_new_chain(self, call: LayerCall) -> Iterator[LayerCall]:
        """Yield the call and those after it, as long as they have no match and the chain does not branch or join."""
        yield call
        while call.n_consumers == 1 and call in self._next_calls:
            call = self._next_calls[call]
            if call in self._matches or len(call.input_calls) != 1:
                return
            yield call

    def _initialise_chain(self, chain: list[LayerCall]) -> None:
        """Initialise a chain of new calls as the identity if that is possible for every one of them."""
        tensor: TensorMap = self._tensors[chain[0].input_calls[0]]
        found: list[tuple[LayerCall, Weights, TensorMap]] = []
        for call in chain:
            identity = None
            if call not in self._never_neutral:
                identity = make_identity_weights(call, _get_weights(call), tensor)
            if identity is None:
                break
            weights, tensor = identity
            found.append((call, weights, tensor))
        if len(found) < len(chain):
            for call in chain:
                self._tensors[call] = self._copy(call)
            return
        for call, weights, tensor in found:
            self._set_neutral(call, weights)
            self._tensors[call] = tensor
            self._identities.add(call)

    def _initialise_sum(self, call: LayerCall) -> TensorMap | None:
        """Initialise the new branches of a new sum as zeros and return the map of its output.

        Returns:
            None if the call is not a new sum, or if more than one of its branches cannot start as zeros.
        """
        if call.class_name != "Add" or call in self._matches:
            return None
        main = next(
            (source for known in (self._matches, self._identities) for source in call.input_calls if source in known),
            None,
        )
        if main is None:
            return None
        branches = list(call.input_calls)
        branches.remove(main)
        zeros = self._find_zero_weights(branches)
        if zeros is None:
            return None
        for last, weights in zeros:
            self._set_neutral(last, weights)
            self._reset_branch(last.input_calls[0])
        self._identities.add(call)
        return self._tensors[main]

    def _find_zero_weights(self, branches: Iterable[LayerCall]) -> list[tuple[LayerCall, Weights]] | None:
        """Return the last call with weights of each branch, with weights that make the output of the branch zero."""
        found: list[tuple[LayerCall, Weights]] = []
        for call in branches:
            if call.n_consumers > 1 or call in self._matches or call in self._never_neutral:
                return None
            weights = make_zero_weights(call, _get_weights(call))
            if weights is not None:
                found.append((call, weights))
                continue
            can_follow = maps_zero_to_zero(call) and call.input_calls
            before = self._find_zero_weights(call.input_calls) if can_follow else None
            if before is None:
                return None
            found += before
        return found

    def _set_neutral(self, call: LayerCall, weights: Weights) -> None:
        if weights:
            self.neutral[call.layer] = call, weights

    def _reset_branch(self, call: LayerCall) -> None:
        """Give the layers of a zero branch their initial weights again, because several branches must differ."""
        while call.n_consumers == 1 and call not in self._matches and len(call.input_calls) == 1:
            self.neutral.pop(call.layer, None)
            call = call.input_calls[0]


def _map_output_channels(call: LayerCall, match: LayerCall, inputs: list[TensorMap]) -> ChannelMap:
    """Return the channel map of a call's output; a call without a match is passed as its own match."""
    layer, class_name, channels = call.layer, call.class_name, [each.channels for each in inputs]
    if class_name == "Concatenate" and layer.axis in (-1, len(call.shape)):
        has_same_inputs = len(match.inputs) == len(call.inputs)
        return weight_copy.map_concatenated(channels, (match if has_same_inputs else call).n_input_channels)
    if class_name in TO_VECTOR and len(call.shape) == 1:
        shape, parent_shape = _find_flattened_shape(call), _find_flattened_shape(match)
        if None not in (*shape, *parent_shape) and len(shape) == len(parent_shape):
            return weight_copy.map_flattened(channels[0], shape, parent_shape)
    if class_name.startswith("DepthwiseConv") and "kernel" in (weights := _get_weights(call)):
        return weight_copy.map_depthwise(channels[0], weights["kernel"], _get_weights(match)["kernel"])
    if not call.has_weights or class_name == "BatchNormalization":
        passing = [each for each in channels if len(each) == call.n_channels]
        if passing:
            return np.max(passing, axis=0)
    return weight_copy.map_by_index(call.n_channels, match.n_channels)


def _find_flattened_shape(call: LayerCall) -> tuple[Any, ...]:
    """Return the shape of the image that becomes a vector; a global pooling counts as flattening a single pixel."""
    shape = call.input_shapes[0]
    return shape if call.class_name == "Flatten" else (*(1 for _ in shape[:-1]), shape[-1])


def _get_variables(call: LayerCall) -> dict[str, Any]:
    """Return the weights of a layer by name, or by index for a layer without a copy rule, which may be nested."""
    weights = getattr(call.layer, "weights", ())
    by_name = weight_copy.has_copy_rule(call.class_name)
    names = [weight.name for weight in weights] if by_name else map(str, range(len(weights)))
    return dict(zip(names, weights, strict=True))


def _get_weights(call: LayerCall) -> Weights:
    return {name: keras.ops.convert_to_numpy(variable.value) for name, variable in _get_variables(call).items()}


def _assign(call: LayerCall, weights: Weights) -> None:
    variables = _get_variables(call)
    for name, values in weights.items():
        variables[name].assign(values)


def _count_groups(call: LayerCall) -> int:
    return call.layer.groups if call.class_name in ("Conv1D", "Conv2D", "Conv3D") else 1
