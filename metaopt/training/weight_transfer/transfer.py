"""The weights of a parent for its child: copied where layers correspond, passed on where one is new."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from metaopt.training.weight_transfer import weight_copy
from metaopt.training.weight_transfer.correspondence import partners
from metaopt.training.weight_transfer.graph import PADDING, TO_VECTOR, Call, Graph, graph_of
from metaopt.training.weight_transfer.identity import (
    Stream,
    as_identity,
    as_zero,
    gives_nonnegative,
    keeps_zero,
    padded,
)
from metaopt.training.weight_transfer.weight_copy import Source, Weights


@dataclass(frozen=True)
class Inherited:
    """What a child took from its parent.

    Attributes:
        copied: names of the child's layers that took weights of the parent's.
        made: names of those that have no partner and start without an effect.
        of: how many layers of the child have weights.
    """

    copied: tuple[str, ...]
    made: tuple[str, ...]
    of: int

    @property
    def layers(self) -> int:
        """How many layers took weights or start without an effect; the others keep their initial weights."""
        return len(self.copied) + len(self.made)


def transfer_weights(child: keras.Model, parent: keras.Model) -> Inherited:
    """Gives the child the parent's weights wherever their layers correspond; docs/inherit.md says what is preserved.

    The result is a function of the two models alone. The child's weights change, and nothing else.

    Args:
        child: built, with its initial weights; functional or sequential, any other keeps its initial weights.
        parent: likewise; it is only read.
    """
    heir = _Heir(graph_of(child), graph_of(parent))
    heir.inherit()
    return Inherited(
        tuple(layer.name for layer in heir.copied),
        tuple(layer.name for layer in heir.made),
        len({id(layer) for layer in child.layers if layer.weights}),
    )


class _Heir:
    """A child whose calls are visited from the images to the heads, and what their outputs carry.

    Attributes:
        copied: layers that have a partner's weights; set at the first call, as a layer may be called again.
        made: layers without a partner that have no effect, with the call that showed it and their weights.
    """

    def __init__(self, child: Graph, parent: Graph) -> None:
        self.copied: dict[Any, None] = {}
        self.made: dict[Any, tuple[Call, Weights]] = {}
        self._calls = child.calls
        self._partners = partners(child, parent)
        calls = Counter(call.layer for call in child.calls)
        # Never made to have no effect: heads, and layers that are called again somewhere else.
        self._kept = {call for call in child.calls if call.weighted and calls[call.layer] > 1} | {*child.heads.values()}
        self._takers = {source: call for call in child.calls for source in call.sources}
        self._streams: dict[Call, Stream] = {}
        self._passed: set[Call] = set()  # new calls through which everything passes

    def inherit(self) -> None:
        for call in self._calls:
            if call in self._streams:
                continue
            if call in self._partners or len(call.sources) != 1:
                self._streams[call] = self._sum(call) or self._follow(call)
            else:
                self._insert(list(self._chain(call)))
        for call, weights in self.made.values():
            _assign(call, weights)

    def _follow(self, call: Call) -> Stream:
        """Copies the weights of the call's partner, if it has one, and tells what comes out."""
        inputs = [self._streams[source] for source in call.sources]
        if call.kind == PADDING:
            return padded(call, inputs[0])
        partner = self._partners.get(call)
        if partner is not None and call.weighted and call.layer not in self.copied:
            source = inputs[0].source if inputs else weight_copy.straight(0, 0)
            new = weight_copy.copied(
                call.kind, _weights(call), _weights(partner), source, (_groups(call), _groups(partner))
            )
            if new:
                _assign(call, new)
                self.copied[call.layer] = None
        return Stream(_carried(call, partner or call, inputs), gives_nonnegative(call, inputs))

    def _chain(self, call: Call) -> Iterator[Call]:
        """The call and those after it, as long as they have no partner and nothing joins or leaves the way."""
        yield call
        while call.consumers == 1 and call in self._takers:
            call = self._takers[call]
            if call in self._partners or len(call.sources) != 1:
                return
            yield call

    def _insert(self, chain: list[Call]) -> None:
        """Gives a chain of calls without partners weights with which all passes through, if there are such for each."""
        stream: Stream = self._streams[chain[0].sources[0]]
        made: list[tuple[Call, Weights, Stream]] = []
        for call in chain:
            found = None if call in self._kept else as_identity(call, _weights(call), stream)
            if found is None:
                break
            weights, stream = found
            made.append((call, weights, stream))
        passes = len(made) == len(chain)
        for call, weights, stream in made if passes else ():
            self._make(call, weights)
            self._streams[call] = stream
            self._passed.add(call)
        for call in () if passes else chain:
            self._streams[call] = self._follow(call)

    def _sum(self, call: Call) -> Stream | None:
        """What comes out of a sum without a partner, if all but one of its parts can start as zeros."""
        if call.kind != "Add" or call in self._partners:
            return None
        main = next(
            (source for known in (self._partners, self._passed) for source in call.sources if source in known), None
        )
        if main is None:
            return None
        parts = list(call.sources)
        parts.remove(main)
        zeros = self._zeros(parts)
        if zeros is None:
            return None
        for ending, weights in zeros:
            self._make(ending, weights)
            self._unmake(ending.sources[0])
        self._passed.add(call)
        return self._streams[main]

    def _zeros(self, parts: Iterable[Call]) -> list[tuple[Call, Weights]] | None:
        """The last calls with weights on the ways to parts of a sum, with weights that make the parts zero."""
        found: list[tuple[Call, Weights]] = []
        for call in parts:
            if call.consumers > 1 or call in self._partners or call in self._kept:
                return None
            weights = as_zero(call, _weights(call))
            if weights is not None:
                found.append((call, weights))
                continue
            before = self._zeros(call.sources) if keeps_zero(call) and call.sources else None
            if before is None:
                return None
            found += before
        return found

    def _make(self, call: Call, weights: Weights) -> None:
        if weights:
            self.made[call.layer] = call, weights

    def _unmake(self, call: Call) -> None:
        """Gives the layers of a branch whose end is zero their initial weights back: several branches must differ."""
        while call.consumers == 1 and call not in self._partners and len(call.sources) == 1:
            self.made.pop(call.layer, None)
            call = call.sources[0]


def _carried(call: Call, partner: Call, inputs: list[Stream]) -> Source:
    """What the output of a call carries of its partner's; a call that has no partner is compared with itself."""
    layer, kind, sources = call.layer, call.kind, [stream.source for stream in inputs]
    if kind == "Concatenate" and layer.axis in (-1, len(call.shape)):
        same = len(partner.inputs) == len(call.inputs)
        return weight_copy.joined(sources, (partner if same else call).input_widths)
    if kind in TO_VECTOR and len(call.shape) == 1:
        image, other = _image(call), _image(partner)
        if None not in (*image, *other) and len(image) == len(other):
            return weight_copy.centred(sources[0], image, other)
    if kind.startswith("DepthwiseConv") and "kernel" in (fresh := _weights(call)):
        return weight_copy.multiplied(sources[0], fresh["kernel"], _weights(partner)["kernel"])
    if not call.weighted or kind == "BatchNormalization":
        passing = [source for source in sources if len(source) == call.width]
        if passing:
            return np.max(passing, axis=0)
    return weight_copy.straight(call.width, partner.width)


def _image(call: Call) -> tuple[Any, ...]:
    """The shape of what becomes a vector."""
    shape = call.input_shapes[0]
    return shape if call.kind == "Flatten" else (*(1 for _ in shape[:-1]), shape[-1])


def _variables(call: Call) -> dict[str, Any]:
    """The weights of a layer by name, or by number where a layer has other layers in it."""
    weights = getattr(call.layer, "weights", ())
    names = [weight.name for weight in weights] if weight_copy.is_placed(call.kind) else map(str, range(len(weights)))
    return dict(zip(names, weights, strict=True))


def _weights(call: Call) -> Weights:
    return {name: keras.ops.convert_to_numpy(variable.value) for name, variable in _variables(call).items()}


def _assign(call: Call, weights: Weights) -> None:
    variables = _variables(call)
    for name, values in weights.items():
        variables[name].assign(values)


def _groups(call: Call) -> int:
    return call.layer.groups if call.kind in ("Conv1D", "Conv2D", "Conv3D") else 1
