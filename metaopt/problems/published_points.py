"""Points of ready problems that were published: the networks that their authors chose."""

from collections.abc import Callable
from typing import Any

from metaopt.errors import UserError
from metaopt.zoo import flower_cnn, wide_resnet

_POINTS: dict[str, Callable[[], Any]] = {
    "flower_cnn": lambda: flower_cnn.nested(flower_cnn.default_point),
    "flower_cnn_published": lambda: flower_cnn.nested(flower_cnn.default_point),
    "wide_resnet": lambda: wide_resnet.default_point,
}


def published_point(problem: str) -> Any:
    """Return the published point of a ready problem, as drawn from its space.

    Args:
        problem: name of the problem.

    Raises:
        UserError: It has none.
    """
    if problem not in _POINTS:
        *others, last = _POINTS
        message = f"The space {problem} has no published point. Expected {', '.join(others)} or {last}."
        raise UserError(message, "published_point")
    return _POINTS[problem]()
