"""Points of ready problems that were published: the networks that their authors chose."""

import importlib
from typing import Any

from metaopt.errors import UserError

# Name → module of the point. It is imported when it is asked for, as ready problems are.
_MODULES = {"flower_cnn": "flower_cnn", "flower_cnn_published": "flower_cnn", "wide_resnet": "wide_resnet"}


def published_point(problem: str) -> Any:
    """Return the published point of a ready problem, as drawn from its space.

    Args:
        problem: name of the problem.

    Raises:
        UserError: It has none.
    """
    if problem not in _MODULES:
        *others, last = _MODULES
        message = f"The space {problem} has no published point. Expected {', '.join(others)} or {last}."
        raise UserError(message, "published_point")
    module = importlib.import_module(f"metaopt.zoo.{_MODULES[problem]}")
    point = module.default_point
    return module.nested(point) if hasattr(module, "nested") else point
