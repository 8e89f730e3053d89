"""The guard: no network that cannot exist, breaks a cheap limit or was trained before reaches a worker."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from metaopt.blueprint import HASH_VERSION, InvalidArchitecture
from metaopt.guard.memory import memory
from metaopt.problems.problem import Classes, Problem
from metaopt.spaces.point_key import point_key
from metaopt.trials.constraints import Constraint

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
    limits: Sequence[Constraint] = ()

    def within(self, limit: Constraint) -> "Guard":
        """The same guard with this limit in the place of the one on the same thing, if there is any."""
        others = [one for one in self.limits if (one.name, one.upper) != (limit.name, limit.upper)]
        return replace(self, limits=(*others, limit))

    def judge(self, point: Any, trained: set[str]) -> Verdict:
        """Whether a point may be trained.

        Args:
            point: as ``space_eval`` returns it.
            trained: signatures of all that was trained.
        """
        try:
            blueprint = self.problem.blueprint(point, self.input_shape, self.classes)
        except InvalidArchitecture as error:
            return Verdict(INVALID, str(error))
        if blueprint is None:  # counted in the worker
            network: dict[str, Any] = {"signature": _digest(point_key(point))}
        else:
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
            network["signature"] = _digest(f"{blueprint.hash} {point_key(vars(training))}")
        if network["signature"] in trained:
            return Verdict(DUPLICATE, "the same network was trained with the same settings before.", network)
        return Verdict(None, "", network)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
