"""Guard: rejects invalid, oversized and duplicate networks before they are trained."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from metaopt.blueprint import HASH_VERSION, InvalidArchitecture
from metaopt.blueprint.drawn import pack_drawing
from metaopt.guard.counted_limits import is_counted
from metaopt.guard.latency_model import LatencyModel
from metaopt.problems.memory_estimate import estimate_memory
from metaopt.problems.model_size import predict_model_bytes, smallest_model_bytes
from metaopt.problems.problem import Classes, Problem
from metaopt.problems.stages import TrainingStages, find_stages
from metaopt.spaces import Space
from metaopt.spaces.point_key import point_key
from metaopt.trials.constraints import LATENCY, MODEL_BYTES, Constraint
from metaopt.values.value_identity import is_plain, sign_draw

INVALID, DUPLICATE = "invalid architecture", "duplicate"


_DRAWS = 200  # networks that are compared to see whether a space changes a count at all


@dataclass(frozen=True)
class Verdict:
    """Decision of the guard on a point.

    Attributes:
        reason: None if the point may be trained; else ``"invalid architecture"``, ``"duplicate"`` or the name of the
            limit that it exceeds.
        detail: explanation of the reason, one sentence.
        network: properties of the network for the journal: ``params``, ``macs``, ``memory`` (bytes), ``blueprint``
            (hash and its version) and ``signature`` (hash of blueprint and training settings).
    """

    reason: str | None
    detail: str = ""
    network: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Guard:
    """Judges points before training, thousands per second.

    Attributes:
        problem: has the network function; without one (slow path, or a Python function that trains) only duplicates
            are rejected here.
        input_shape: (height, width, channels), or (length, channels) of signals.
        classes: head → number of classes.
        constraints: cheap ones are judged, of measured ones that on the latency by its prediction, others ignored.
        latency: predicts latencies; None before enough were measured.
        predicts_size: whether metaopt writes the models, so that it can predict their size; a function that trains
            itself writes its own.
    """

    problem: Problem
    input_shape: tuple[int, ...] = ()
    classes: Classes = field(default_factory=dict)
    constraints: Sequence[Constraint] = ()
    latency: LatencyModel | None = None
    predicts_size: bool = True

    @property
    def counted_limits(self) -> list[Constraint]:
        """Limits that the blueprint decides or predicts, which repair keeps."""
        return [each for each in self.constraints if is_counted(each) and (each.is_cheap or self.predicts_size)]

    def within(self, constraint: Constraint) -> "Guard":
        """Return the same guard with a limit that replaces the one of the same name and direction, if any."""
        others = [one for one in self.constraints if (one.name, one.upper) != (constraint.name, constraint.upper)]
        return replace(self, constraints=(*others, constraint))

    @property
    def with_latency_as_macs(self) -> "Guard":
        """The same guard with the largest MACs that are not far off the limit on the latency, as repair needs it."""
        for each in self.constraints:
            if each.name == LATENCY and self.latency is not None:
                bounds = [one.bound for one in self.constraints if one.name == "macs"]
                return self.within(Constraint("macs", True, min([*bounds, self.latency.largest_macs(each.bound)])))
        return self

    def judge(self, point: Any, trained: set[str], vals: Mapping[str, Any] | None = None) -> Verdict:
        """Return the verdict on a point.

        Args:
            point: as ``space_eval`` returns it.
            trained: signatures of all trained networks.
            vals: the draw of the point, which tells options apart that have no JSON, such as arrays and functions;
                may be left out where nothing was trained.
        """
        try:
            blueprint = self.problem.blueprint(point, self.input_shape, self.classes)
        except InvalidArchitecture as error:
            return Verdict(INVALID, str(error))
        if blueprint is None:  # counted in the worker
            network: dict[str, Any] = {"signature": _sign("", point, vals)}
        else:
            training = self.problem.training_of(point)
            network = {
                "params": blueprint.params,
                "macs": blueprint.macs,
                "memory": estimate_memory(blueprint, training),
            }
            for each in self.constraints:
                if each.name == MODEL_BYTES and self.predicts_size:
                    size = network["predicted_model_bytes"] = predict_model_bytes(blueprint)
                    if each.distance(smallest_model_bytes(blueprint)) > 0:
                        return Verdict(MODEL_BYTES, f"{MODEL_BYTES} is predicted as {size:,}, limit {each}.", network)
                if each.name in network and each.distance(network[each.name]) > 0:
                    return Verdict(each.name, f"{each.name} is {network[each.name]:,}, limit {each}.", network)
                if each.name == LATENCY and self.latency is not None:
                    predicted = self.latency.predict(blueprint.macs)
                    network["predicted_latency_ms"] = round(predicted, 4)
                    if self.latency.is_far_off(blueprint.macs, each.bound):
                        return Verdict(LATENCY, f"{LATENCY} is predicted as {predicted:.3g}, limit {each}.", network)
            network["blueprint"] = {"hash": blueprint.hash, "version": HASH_VERSION}
            network["signature"] = _sign(f"{blueprint.hash} ", training.to_plain(), vals)
        if network["signature"] in trained or (vals is not None and sign_draw(vals) in trained):
            return Verdict(DUPLICATE, "The same network was already trained with the same settings.", network)
        return Verdict(None, "", network)

    def find_stages(self, point: Any) -> TrainingStages | None:
        """Return the stages of the training of a point; None where it has none, or no network can be made of it."""
        try:
            blueprint = self.problem.blueprint(point, self.input_shape, self.classes)
        except InvalidArchitecture:
            return None
        return None if blueprint is None else find_stages(blueprint, self.problem.training_of(point))

    def drawing(self, point: Any) -> dict[str, str]:
        """Return what the journal keeps of the network of a valid point, so that it can be drawn without its code."""
        blueprint = self.problem.blueprint(point, self.input_shape, self.classes)
        return {} if blueprint is None else {"drawing": pack_drawing(blueprint)}

    def count_varies(self, space: Space, name: str) -> bool:
        """Return whether networks of a space differ in a count; True also where hardly any draw is valid.

        Args:
            space: the compiled space.
            name: ``params`` or ``macs``.
        """
        rng = np.random.default_rng(0)
        counts: list[float] = []
        for _ in range(_DRAWS):
            try:
                blueprint = self.problem.blueprint(space.point(space.draw(rng)), self.input_shape, self.classes)
            except InvalidArchitecture:
                continue
            counts.append(getattr(blueprint, name))
            if counts[-1] != counts[0]:
                return True
        return len(counts) < 2


def _sign(prefix: str, values: Any, vals: Mapping[str, Any] | None) -> str:
    """Return a signature: of the values where they are plain, so that their text tells them apart; else of the draw."""
    if vals is None or is_plain(values):
        return _digest(prefix + point_key(values))
    return sign_draw(vals)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "backslashreplace"), digest_size=16).hexdigest()
