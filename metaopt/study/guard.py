"""The guard: no network that cannot exist, breaks a cheap limit or was trained before reaches a worker."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from metaopt.blueprint import HASH_VERSION, InvalidArchitecture
from metaopt.study.limits import Limit
from metaopt.study.problem import Classes, Problem, Training

BYTES_PER_NUMBER = 4  # float32; under mixed precision the activations take half, which is left as a margin

# Numbers that an optimiser keeps per parameter, beside the parameter and its gradient (keras/src/optimizers).
_SLOTS = {"sgd": 0, "rmsprop": 1, "adagrad": 1, "lion": 1, "adadelta": 2, "adafactor": 1}
_SLOTS_OF_OTHERS = 2  # Adam and its kin: first and second moment
_SLOTS_OF_OPTIONS = ("momentum", "centered", "amsgrad")  # one more each, where they are on

INVALID, DUPLICATE = "invalid architecture", "duplicate"


@dataclass(frozen=True)
class Verdict:
    """What the guard says of a point.

    Attributes:
        reason: None if it may be trained; else ``"invalid architecture"``, ``"duplicate"`` or the broken limit's name.
        detail: one sentence on the reason.
        network: what is known of the network, for the journal: ``params``, ``macs``, ``memory`` (bytes), ``blueprint``
            (hash and its version) and ``signature`` (of blueprint and training settings).
    """

    reason: str | None
    detail: str = ""
    network: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Guard:
    """Judges points, at some thousand a second.

    Attributes:
        problem: gives the network; without ``network`` (slow path, or a user's own ``train``) every point passes here
            and only repetitions are refused.
        input_shape: (height, width, channels).
        classes: head → number of classes.
        limits: the cheap ones are judged.
    """

    problem: Problem
    input_shape: tuple[int, ...] = ()
    classes: Classes = field(default_factory=dict)
    limits: Sequence[Limit] = ()

    def within(self, limit: Limit) -> "Guard":
        """The same guard with this limit in the place of the one on the same thing, if there is any."""
        others = [one for one in self.limits if (one.name, one.upper) != (limit.name, limit.upper)]
        return replace(self, limits=(*others, limit))

    def judge(self, point: Any, trained: set[str]) -> Verdict:
        """Whether a point may be trained.

        Args:
            point: as ``space_eval`` returns it.
            trained: signatures of all that was trained.
        """
        if self.problem.network is None:
            network: dict[str, Any] = {"signature": _digest(canonical(point))}
        else:
            try:
                blueprint = self.problem.network(point, self.input_shape, self.classes)
            except InvalidArchitecture as error:
                return Verdict(INVALID, str(error))
            training = self.problem.training(point)
            network = {
                "params": blueprint.params,
                "macs": blueprint.macs,
                "memory": memory(blueprint, training),
            }
            for limit in self.limits:
                if limit.name in network and limit.distance(network[limit.name]) > 0:
                    return Verdict(limit.name, f"{limit.name} is {network[limit.name]:,}, limit {limit}.", network)
            network["blueprint"] = {"hash": blueprint.hash, "version": HASH_VERSION}
            network["signature"] = _digest(f"{blueprint.hash} {canonical(vars(training))}")
        if network["signature"] in trained:
            return Verdict(DUPLICATE, "the same network was trained with the same settings before.", network)
        return Verdict(None, "", network)


class Counted(Protocol):
    """What has the numbers of a network: a blueprint, or the counts of a Keras model."""

    @property
    def params(self) -> int:
        """All parameters."""

    @property
    def trainable_params(self) -> int:
        """Those that have a gradient."""

    @property
    def activations(self) -> int:
        """Output elements of all layers for one image."""


def memory(network: Counted, training: Training, slots: int | None = None) -> int:
    """Bytes that one training step needs, estimated from below.

    Parameters, their gradients and the optimiser's slots, and each layer's activations of a batch twice: once forward,
    once as gradients. Workspace of the convolution kernels comes on top.

    Args:
        network: what is trained.
        training: names the optimiser, and the batch size.
        slots: numbers that the optimiser keeps, where they can be counted; by default its name and options tell.
    """
    if slots is None:
        each = _SLOTS.get(training.optimizer.lower(), _SLOTS_OF_OTHERS)
        each += sum(bool(training.options.get(option)) for option in _SLOTS_OF_OPTIONS)
        slots = network.trainable_params * each
    weights = network.params + network.trainable_params + slots
    return BYTES_PER_NUMBER * (weights + 2 * network.activations * training.batch_size)


def canonical(value: Any) -> str:
    """One text for equal points, whatever the order of their keys."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=repr)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
