"""Check of forks: whether a trial may continue from the state of another one under other hyperparameters."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from metaopt.blueprint.architecture import describe_architecture
from metaopt.guard.guard import Guard
from metaopt.problems.training_config import Training
from metaopt.spaces import Space
from metaopt.spaces.point_key import point_key

_READ_BY_TRAINING = {each.name for each in fields(Training)} - {"options", "extra"}


@dataclass(frozen=True)
class ForkCheck:
    """Tells which changes of hyperparameters keep the architecture of a network, so that its weights still fit.

    With ``network``, blueprints are compared: dropout rates, weight penalties and all that the training reads may
    change, layers, shapes and activations may not. With ``build_model``, whose networks only Keras knows, the keys of
    ``Training`` may change. A Python function decides itself what it does with its checkpoint, so anything may change.

    Attributes:
        guard: judges the network and knows the problem.
        space: space of the hyperparameters.
    """

    guard: Guard
    space: Space

    def __call__(self, source: Mapping[str, float], child: Mapping[str, float]) -> bool:
        """Return whether a fork of a trial may have these hyperparameters.

        Args:
            source: vals of the trial that is forked.
            child: vals of the fork.
        """
        before, after = self.space.point(source), self.space.point(child)
        if self.guard.judge(after, set()).reason is not None:
            return False
        return bool(self._architecture(before) == self._architecture(after))

    def _architecture(self, point: Any) -> Any:
        problem = self.guard.problem
        blueprint = problem.blueprint(point, self.guard.input_shape, self.guard.classes)
        if blueprint is not None:
            return describe_architecture(blueprint)
        if problem.build_model is None:
            return None
        if not isinstance(point, Mapping):
            return point_key(point)
        return point_key({key: value for key, value in point.items() if key not in _READ_BY_TRAINING})
