"""Operations read backwards: which arguments give a result."""

import math
from collections.abc import Callable, Sequence
from typing import Any


def _before_int(y: float) -> list[float]:
    """Numbers that int() cuts to y: itself, and others where it cannot be drawn or arithmetic falls short of it."""
    signs = (1, -1) if y == 0 else (math.copysign(1, y),)
    return [y, *(y + sign * part for sign in signs for part in (0.5, 1 - 1e-6))]


# Operation of one argument → arguments that may give the result, the likeliest first.
_UNARY: dict[str, Callable[[float], list[float]]] = {
    "float": lambda y: [y],
    "identity": lambda y: [y],
    "neg": lambda y: [-y],
    "exp": lambda y: [math.log(y)],
    "log": lambda y: [math.exp(y)],
    "sqrt": lambda y: [y * y],
    "int": _before_int,
}
# Operation → inverse in its first argument (result, second argument) and in its second one (result, first argument).
_BINARY: dict[str, tuple[Callable[[float, float], float], Callable[[float, float], float]]] = {
    "add": (lambda y, b: y - b, lambda y, a: y - a),
    "sub": (lambda y, b: y + b, lambda y, a: a - y),
    "mul": (lambda y, b: y / b, lambda y, a: y / a),
    "truediv": (lambda y, b: y * b, lambda y, a: a / y),
    "pow": (lambda y, b: y ** (1 / b), lambda y, a: math.log(y) / math.log(a)),
}


def preimages(name: str, constants: Sequence[Any], place: int, result: Any) -> list[float]:
    """Numbers which, as one argument of an operation, may give the result; the caller checks that they do.

    Args:
        name: the operation's, as in ``hyperopt.pyll.scope``.
        constants: its other arguments.
        place: which argument is asked for, from 0.
        result: what it gave.

    Returns:
        A few numbers; none for operations without an inverse.
    """
    if not all(isinstance(number, int | float) and not isinstance(number, bool) for number in (result, *constants)):
        return []
    try:
        if not constants and name in _UNARY:
            found = _UNARY[name](result)
        elif len(constants) == 1 and name in _BINARY:
            found = [_BINARY[name][place](result, constants[0])]
        else:
            return []
    except (ValueError, ZeroDivisionError, OverflowError):  # outside of the inverse's domain
        return []
    return [number for number in found if not isinstance(number, complex)]
