"""A problem: a search space, and how a point of it becomes a network with its training configuration."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from metaopt.blueprint import Blueprint, InvalidArchitecture
from metaopt.errors import UserError
from metaopt.outputs.heads import fit_heads
from metaopt.problems.training_config import Training
from metaopt.values.safe_text import class_name

Classes = Mapping[str, Any]
"""Head → its number of classes, e.g. ``{"fine": 100, "coarse": 20}``, or its ``Output`` if it has none.

A single head is called ``label``.
"""


@dataclass(frozen=True)
class Problem:
    """A search space with the functions that a problem file defines.

    Attributes:
        space: a hyperopt expression.
        network: ``network(point, input_shape, classes) -> Blueprint``; None where ``build_model`` makes the networks.
        training: ``training(point) -> Training``.
        build_model: ``build_model(point, input_shape, classes) -> compiled keras.Model``, used if there is no
            ``network``. Its networks are counted in the worker.
        backbone_space: ``backbone_space(backbones) -> space``, of a space over pretrained backbones, or None.
        backbone_default: ``backbone_default(backbones) -> default`` of such a space, or None.
        build_and_train: the worker's entry, see ``metaopt.training.build_and_train``; None for the default one.
        defaults: key of the point → the value that records without that key were trained with, see ``Space.vals``.
        default: a point, or a list of points, that is expected to be good: it is tried first; or None.
        path: the path that it was read from, so that a worker can read it again; None for one made in Python.
        texts: contents of its files then, by their paths within its folder.
        source: the same as one text, kept by the study.
        code: the part of the text that decides the networks, without comments: part of the study's fingerprint.
        name: the name by which the user called it.
    """

    space: Any
    network: Callable[[Any, tuple[int, ...], Classes], Blueprint] | None = None
    training: Callable[[Any], Training] = Training.from_point
    build_model: Callable[[Any, tuple[int, ...], Classes], Any] | None = None
    backbone_space: Callable[[Sequence[str]], Any] | None = None
    backbone_default: Callable[[Sequence[str]], Any] | None = None
    build_and_train: Callable[..., dict[str, Any]] | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    default: Any = None
    path: str | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    code: str = ""
    name: str = ""

    @classmethod
    def of(cls, source: Any) -> "Problem":
        """Return the problem of a module or class that defines ``network`` or ``build_model``, or itself."""
        if isinstance(source, cls):
            return source
        names = ("network", "training", "build_model")
        known = {name: getattr(source, name) for name in names if getattr(source, name, None) is not None}
        return cls(getattr(source, "space", None), **known)

    @property
    def has_blueprint(self) -> bool:
        """Whether its networks are described, and counted, without Keras."""
        return self.network is not None

    def with_backbones(self, backbones: Sequence[str]) -> "Problem":
        """Return the problem with the space over these backbones; itself without any.

        Args:
            backbones: ``.keras`` files or names of ``keras.applications``.

        Raises:
            UserError: Its space has no backbones.
        """
        if not backbones:
            return self
        if self.backbone_space is None:
            raise UserError(
                f"Invalid value for backbones: the networks of {self.name or 'the problem'} have none. Use the space"
                " transfer, or define backbone_space(backbones) in the problem's file.",
                "backbones",
            )
        default = None if self.backbone_default is None else self.backbone_default(backbones)
        return replace(self, space=self.backbone_space(backbones), default=default)

    def blueprint(self, point: Any, input_shape: tuple[int, ...], classes: Classes) -> Blueprint | None:
        """Return the blueprint of a point; None where only Keras can describe its network.

        Raises:
            InvalidArchitecture: No such network can exist.
            UserError: ``network`` returned something else.
        """
        if self.network is None:
            return None
        blueprint = self.network(point, input_shape, classes)
        if not isinstance(blueprint, Blueprint):
            raise UserError(
                f"network returned {_a(blueprint)}. It has to return a metaopt.blueprint.Blueprint: of its"
                " inputs and the output of each head."
            )
        fit_heads(blueprint, classes)
        return blueprint

    def training_of(self, point: Any) -> Training:
        """Return the training settings of a point.

        Raises:
            UserError: ``training`` returned something else.
        """
        settings = self.training(point)
        if not isinstance(settings, Training):
            raise UserError(f"training returned {_a(settings)}. It has to return a metaopt.Training.")
        return settings

    def require_blueprint(self, parameter: str, value: str) -> None:
        """Refuse a feature that needs networks to be counted or compiled by metaopt.

        Args:
            parameter: the feature's parameter, e.g. ``"fill"``.
            value: its value.

        Raises:
            UserError: The problem defines ``build_model`` instead of ``network``.
        """
        if not self.has_blueprint:
            raise UserError(
                f"{parameter} {value} needs a problem with network(): build_model() of"
                f" {self.name or 'the problem'} compiles its own models, which are counted only once they are built.",
                parameter,
            )


def _a(value: Any) -> str:
    return "None" if value is None else f"a {class_name(value)}"


def fitting(problem: Problem, make: Callable[[], Any]) -> Any:
    """Return what a function of a problem makes of a point.

    Raises:
        UserError: The point is of another space, which lacks keys or has wrong types, or no network can be made of it.
    """
    try:
        return make()
    except (ValueError, KeyError, TypeError) as error:  # Keras raises ValueError for shapes that do not fit
        reason = (
            str(error).removesuffix(".")
            if isinstance(error, InvalidArchitecture)
            else f"{type(error).__name__}: {error}"
        )
        raise UserError(f"The point does not fit {problem.name or 'the problem'}: {reason}.") from error
