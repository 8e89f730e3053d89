"""Inverses of operations: the arguments that give a result."""

import math
from collections.abc import Callable, Sequence
from typing import Any


def _invert_int(y: float) -> list[float]:
    """Return numbers that int() truncates to y: y itself, and larger ones in case y cannot be drawn or is rounded."""
    signs = (1, -1) if y == 0 else (math.copysign(1, y),)
    return [y, *(y + sign * part for sign in signs for part in (0.5, 1 - 1e-6))]


# Operation with one argument → arguments that may give the result y, the most likely first.
_UNARY: dict[str, Callable[[float], list[float]]] = {
    "float": lambda y: [y],
    "identity": lambda y: [y],
    "neg": lambda y: [-y],
    "exp": lambda y: [math.log(y)],
    "log": lambda y: [math.exp(y)],
    "sqrt": lambda y: [y * y],
    "int": _invert_int,
}
# Operation → inverses for its first argument (of the result y and the second one) and for its second argument.
_BINARY: dict[str, tuple[Callable[[float, float], float], Callable[[float, float], float]]] = {
    "add": (lambda y, b: y - b, lambda y, a: y - a),
    "sub": (lambda y, b: y + b, lambda y, a: a - y),
    "mul": (lambda y, b: y / b, lambda y, a: y / a),
    "truediv": (lambda y, b: y * b, lambda y, a: a / y),
    "pow": (lambda y, b: y ** (1 / b), lambda y, a: math.log(y) / math.log(a)),
}


def find_preimages(name: str, constants: Sequence[Any], position: int, result: Any) -> list[float]:
    """Find numbers that may be an argument of an operation, given its result. The caller must check them.

    Args:
        name: name of the operation in ``hyperopt.pyll.scope``.
        constants: its other arguments.
        position: position of the unknown argument, from 0.
        result: the result of the operation.

    Returns:
        Candidates; empty for operations without an inverse.
    """
    if not all(isinstance(number, int | float) and not isinstance(number, bool) for number in (result, *constants)):
        return []
    try:
        if not constants and name in _UNARY:
            found = _UNARY[name](result)
        elif len(constants) == 1 and name in _BINARY:
            found = [_BINARY[name][position](result, constants[0])]
        else:
            return []
    except (ValueError, ZeroDivisionError, OverflowError):  # outside the domain of the inverse
        return []
    return [number for number in found if not isinstance(number, complex)]
