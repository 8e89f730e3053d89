"""What a study is searched over: a space, and how a point of it becomes a network and its training settings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from metaopt.blueprint import Blueprint

# A head's name → its number of classes, e.g. {"fine": 100, "coarse": 20}; a single head is called "label".
Classes = Mapping[str, int]


@dataclass(frozen=True)
class Training:
    """How a network is trained; with the blueprint it decides everything that a trial does.

    Attributes:
        optimizer: the name of a Keras optimizer, e.g. ``"Adam"``.
        learning_rate: its learning rate.
        batch_size: images per step; cut to the size of the training set.
        loss_weights: head → weight of its loss; 1 for a head that is not named.
        options: further arguments of the optimizer, e.g. ``{"momentum": 0.9}``.
        extra: whatever else a problem's own ``build_and_train`` reads of the point, so that two points that differ in
            it are not taken for the same training.
    """

    optimizer: str = "Adam"
    learning_rate: float = 0.001
    batch_size: int = 32
    loss_weights: Mapping[str, float] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_point(cls, point: Any) -> "Training":
        """Reads ``optimizer``, ``learning_rate``, ``batch_size`` and ``loss_weights`` where the point has such keys."""
        known: dict[str, Any] = {}
        if isinstance(point, Mapping):
            for key, convert in _CONVERSIONS.items():
                if key in point:
                    known[key] = convert(point[key])
        return cls(**known)


_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "optimizer": str,
    "learning_rate": float,
    "batch_size": lambda value: max(1, round(value)),
    "loss_weights": dict,
}


@dataclass(frozen=True)
class Problem:
    """A search space with the functions that a problem file gives.

    Attributes:
        space: a hyperopt expression.
        network: ``network(point, input_shape, classes) -> Blueprint``, or None on the slow path.
        training: ``training(point) -> Training``.
        build_model: ``build_model(point, input_shape, classes) -> compiled keras.Model``; the slow path if there is no
            ``network``.
        build_and_train: the worker's entry, see ``metaopt.training.build_and_train``; None for the default one.
        defaults: key of the point → the value that records without that key were trained with, see ``Space.vals``.
        path: where it was read from, so that a worker can read it again; None for one made in Python.
        source: its text, kept by the study.
        code: what of the text decides the networks, without comments: part of the study's fingerprint.
        name: how the user called it.
    """

    space: Any
    network: Callable[[Any, tuple[int, ...], Classes], Blueprint] | None = None
    training: Callable[[Any], Training] = Training.from_point
    build_model: Callable[[Any, tuple[int, ...], Classes], Any] | None = None
    build_and_train: Callable[..., dict[str, Any]] | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    path: str | None = None
    source: str = ""
    code: str = ""
    name: str = ""
