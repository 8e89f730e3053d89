"""What a study is searched over: a space, and how a point of it becomes a network and its training settings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from metaopt.blueprint import Blueprint, InvalidArchitecture
from metaopt.errors import UserError
from metaopt.problems.training_config import Training

# A head's name → its number of classes, e.g. {"fine": 100, "coarse": 20}; a single head is called "label".
Classes = Mapping[str, int]


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
        texts: what its files held then, by their paths within its folder.
        source: the same as one text, kept by the study.
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
    texts: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    code: str = ""
    name: str = ""


def fitting(problem: Problem, make: Callable[[], Any]) -> Any:
    """What a function of a problem makes of a point.

    Raises:
        UserError: the point is of another space, which lacks keys or has wrong types, or no network can be made of it.
    """
    try:
        return make()
    except (ValueError, KeyError, TypeError) as error:  # ValueError: also what Keras raises for shapes that do not fit
        reason = str(error) if isinstance(error, InvalidArchitecture) else f"{type(error).__name__}: {error}"
        raise UserError(f"the point does not fit {problem.name or 'the problem'}: {reason}.") from error
