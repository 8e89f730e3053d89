"""Arguments of layers brought to one form, so that equal layers have equal configurations; or refused.

Numbers drawn by hyperopt are floats (``3.0``) or numpy's, so a whole number of any type is taken as that integer. The
conversions are cached: a search asks for the same few kernels again and again.
"""

import difflib
import math
import numbers
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, TypeVar

from metaopt.blueprint.errors import InvalidArchitecture

Pair = tuple[int, int]
# "same", "valid", or ((top, bottom), (left, right)).
Padding = str | tuple[Pair, Pair]

Result = TypeVar("Result")

# Activations that Keras knows by name and that keep the shape and need no argument (so not glu, not threshold).
# fmt: off
ACTIVATIONS = frozenset({
    "celu", "elu", "exponential", "gelu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_tanh", "leaky_relu",
    "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu", "sigmoid", "silu", "soft_shrink",
    "softmax", "softplus", "softsign", "sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus", "tanh",
    "tanh_shrink",
})
# fmt: on
_ACTIVATION_ALIASES = {None: "linear", "swish": "silu", "hard_swish": "hard_silu"}

# Initialisers that Keras knows by name and that fill a kernel of any rank with default arguments.
# fmt: off
INITIALIZERS = frozenset({
    "glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "lecun_normal", "lecun_uniform", "ones",
    "orthogonal", "random_normal", "random_uniform", "truncated_normal", "variance_scaling", "zeros",
})
# fmt: on


def frozen(value: Any) -> Any:
    """Lists as tuples, so that the value can be hashed."""
    return tuple(map(frozen, value)) if isinstance(value, list | tuple) else value


def cached(function: Callable[..., Result]) -> Callable[..., Result]:
    """``lru_cache`` for a function of arguments that may be lists."""
    remembered = lru_cache(maxsize=1 << 16)(function)

    @wraps(function)
    def call(*args: Any) -> Result:
        try:
            return remembered(*args)
        except TypeError:  # a list cannot be looked up
            return function(*map(frozen, args))

    return call


def whole(kind: str, argument: str, value: Any, least: int = 1) -> int:
    """The value as an int.

    Raises:
        InvalidArchitecture: it is not a whole number, or below ``least``.
    """
    known = type(value)
    if (known is int or (known is float and value.is_integer())) and value >= least:  # as it nearly always is
        return int(value)
    if not isinstance(value, numbers.Real) or not float(value).is_integer():
        raise InvalidArchitecture(kind, None, f"{argument} must be a whole number, not {value!r}")
    integer = int(float(value))
    if integer < least:
        raise InvalidArchitecture(kind, None, f"{argument} must be {least} or more, not {value!r}")
    return integer


def pair(kind: str, argument: str, value: Any, least: int = 1) -> Pair:
    """One whole number for both axes, or one each for height and width."""
    if isinstance(value, list | tuple):
        if len(value) != 2:
            raise InvalidArchitecture(kind, None, f"{argument} must be one or two whole numbers, not {value!r}")
        return whole(kind, argument, value[0], least), whole(kind, argument, value[1], least)
    size = whole(kind, argument, value, least)
    return size, size


def explicit_padding(kind: str, value: Any) -> tuple[Pair, Pair]:
    """((top, bottom), (left, right)) from one number, (height, width) or the full form."""
    height, width = value if isinstance(value, list | tuple) and len(value) == 2 else (value, value)
    return pair(kind, "padding", height, 0), pair(kind, "padding", width, 0)


@cached
def padding(kind: str, value: Any) -> Padding:
    """"same", "valid" or explicit; none at all is "valid"."""  # fmt: skip
    if isinstance(value, str):
        if value not in ("same", "valid"):
            raise InvalidArchitecture(kind, None, f"padding must be 'same', 'valid' or whole numbers, not {value!r}")
        return value
    explicit = explicit_padding(kind, value)
    return "valid" if explicit == ((0, 0), (0, 0)) else explicit


def activation(kind: str, name: Any) -> str:
    """The name that Keras uses; None is ``"linear"``."""
    if name.__hash__ is not None and name in _ACTIVATION_ALIASES:
        return _ACTIVATION_ALIASES[name]
    return _known(kind, "activation", name, ACTIVATIONS)


def initializer(kind: str, argument: str, name: Any) -> str:
    """The name of an initialiser."""
    return _known(kind, argument, name, INITIALIZERS)


def _known(kind: str, argument: str, name: Any, names: frozenset[str]) -> str:
    if isinstance(name, str) and name in names:
        return str(name)
    nearest = difflib.get_close_matches(str(name), names, n=1)
    advice = f"; did you mean {nearest[0]!r}?" if nearest else f"; known are {', '.join(sorted(names))}"
    raise InvalidArchitecture(kind, None, f"{argument} {name!r} is unknown{advice}")


def penalty(kind: str, argument: str, value: Any) -> float:
    """A factor of an L2 penalty as a float; None is none at all, 0."""
    return 0.0 if value is None or (type(value) is float and value == 0) else real(kind, argument, value, 0.0, math.inf)


def real(kind: str, argument: str, value: Any, low: float, high: float) -> float:
    """A finite number in [low, high] as a float."""
    if type(value) is float and low <= value <= high and math.isfinite(value):
        return value + 0.0  # −0.0 becomes 0.0: it is the same layer
    if not isinstance(value, numbers.Real) or not math.isfinite(value) or not low <= float(value) <= high:
        limits = f"{low:g} or more" if math.isinf(high) else f"between {low:g} and {high:g}"
        raise InvalidArchitecture(kind, None, f"{argument} must be a number {limits}, not {value!r}")
    return float(value) + 0.0
