"""Validation and standardization of layer arguments, so that equal layers have equal configurations.

Numbers drawn by hyperopt are floats (``3.0``) or NumPy scalars, so a number of any type with an integer value is
accepted as that integer. The conversions are cached, because a search repeats the same few kernels many times.
"""

import math
import numbers
import operator
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, TypeVar

from metaopt.blueprint.errors import InvalidArchitecture
from metaopt.errors import nearest

Pair = tuple[int, int]
# One integer for each spatial axis: (length,), (height, width) or (depth, height, width).
Sizes = tuple[int, ...]
# "same", "valid", or zeros before and after each spatial axis, e.g. ((top, bottom), (left, right)).
Padding = str | tuple[Pair, ...]

Result = TypeVar("Result")

# Activations that Keras knows by name, that keep the shape and that need no argument (so not glu, not threshold).
# fmt: off
ACTIVATIONS = frozenset({
    "celu", "elu", "exponential", "gelu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_tanh", "leaky_relu",
    "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu", "sigmoid", "silu", "soft_shrink",
    "softmax", "softplus", "softsign", "sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus", "tanh",
    "tanh_shrink",
})
# fmt: on
_ACTIVATION_ALIASES = {None: "linear", "swish": "silu", "hard_swish": "hard_silu"}

# Initializers that Keras knows by name and that fill a kernel of any rank with default arguments.
# fmt: off
INITIALIZERS = frozenset({
    "glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "lecun_normal", "lecun_uniform", "ones",
    "orthogonal", "random_normal", "random_uniform", "truncated_normal", "variance_scaling", "zeros",
})
# fmt: on


def freeze(value: Any) -> Any:
    """Convert lists to tuples recursively, so that the value is hashable."""
    return tuple(map(freeze, value)) if isinstance(value, list | tuple) else value


def cached(function: Callable[..., Result]) -> Callable[..., Result]:
    """Apply ``lru_cache`` to a function whose arguments may be lists."""
    cached_function = lru_cache(maxsize=1 << 16)(function)

    @wraps(function)
    def call(*args: Any) -> Result:
        try:
            return cached_function(*args)
        except TypeError:  # a list is not hashable
            return function(*map(freeze, args))

    return call


def standardize_integer(kind: str, argument: str, value: Any, minimum: int = 1) -> int:
    """Return the value as an int.

    Args:
        kind: name of the layer kind, for the error message.
        argument: name of the argument, for the error message.
        value: a number of any type.
        minimum: smallest valid value.

    Raises:
        InvalidArchitecture: the value is not an integer, or is below ``minimum``.
    """
    known = type(value)
    if (known is int or (known is float and value.is_integer())) and value >= minimum:  # fast path
        return int(value)
    if hasattr(value, "__index__") and not isinstance(value, numbers.Real):  # an output of metaopt.outputs
        value = operator.index(value)
    if not isinstance(value, numbers.Real) or not float(value).is_integer() or float(value) < minimum:
        raise _invalid_value(kind, argument, value, f"an integer >= {minimum}")
    return int(float(value))


_COUNTS = {1: "an integer", 2: "one or two integers", 3: "one or three integers"}


def standardize_sizes(kind: str, argument: str, value: Any, rank: int, minimum: int = 1) -> Sizes:
    """Return an integer for each of ``rank`` spatial axes, from one integer for all axes, or from one for each.

    Raises:
        InvalidArchitecture: the value is neither.
    """
    if isinstance(value, list | tuple):
        if len(value) != rank:
            raise _invalid_value(kind, argument, value, f"{_COUNTS[rank]} >= {minimum}")
        return tuple([standardize_integer(kind, argument, size, minimum) for size in value])
    return (standardize_integer(kind, argument, value, minimum),) * rank


def standardize_explicit_padding(kind: str, value: Any, rank: int) -> tuple[Pair, ...]:
    """Return (before, after) for each spatial axis from one integer, one integer or pair for each, or the full form.

    The padding of one axis may be its pair alone, (before, after).

    Raises:
        InvalidArchitecture: the value has another form, or a number is not an integer >= 0.
    """
    is_each = isinstance(value, list | tuple) and len(value) == rank
    pairs = [standardize_sizes(kind, "padding", each, 2, 0) for each in (value if is_each else (value,) * rank)]
    return tuple([(before, after) for before, after in pairs])


@cached
def standardize_padding(kind: str, value: Any, rank: int) -> Padding:
    """Return "same", "valid" or explicit padding; explicit padding without zeros becomes "valid".

    Raises:
        InvalidArchitecture: the value is another string, or no valid explicit padding.
    """
    if isinstance(value, str):
        if value not in ("same", "valid"):
            raise _invalid_value(kind, "padding", value, "'same', 'valid' or integers >= 0")
        return value
    explicit = standardize_explicit_padding(kind, value, rank)
    return explicit if any(map(any, explicit)) else "valid"


def standardize_activation(kind: str, name: Any) -> str:
    """Return the name that Keras uses for an activation; None becomes ``"linear"``.

    Raises:
        InvalidArchitecture: Keras has no such activation.
    """
    if name.__hash__ is not None and name in _ACTIVATION_ALIASES:
        return _ACTIVATION_ALIASES[name]
    return _check_name(kind, "activation", name, ACTIVATIONS)


def standardize_initializer(kind: str, argument: str, name: Any) -> str:
    """Return the name of an initializer.

    Raises:
        InvalidArchitecture: Keras has no such initializer.
    """
    return _check_name(kind, argument, name, INITIALIZERS)


def _check_name(kind: str, argument: str, name: Any, names: frozenset[str]) -> str:
    if isinstance(name, str) and name in names:
        return str(name)
    near = nearest(str(name), names)
    hint = f"Expected one of {', '.join(sorted(names))}." if near is None else f"Did you mean {near!r}?"
    raise InvalidArchitecture(kind, None, f"Invalid value for {argument}: {name!r}. {hint}")


def standardize_l2_factor(kind: str, argument: str, value: Any) -> float:
    """Return the factor of an L2 penalty as a float; None becomes 0, no penalty.

    Raises:
        InvalidArchitecture: the value is not a finite number >= 0.
    """
    if value is None or (type(value) is float and value == 0):
        return 0.0
    return standardize_float(kind, argument, value, 0.0, math.inf)


def standardize_float(kind: str, argument: str, value: Any, low: float, high: float) -> float:
    """Return a finite number in [low, high] as a float.

    Raises:
        InvalidArchitecture: the value is not such a number.
    """
    if type(value) is float and low <= value <= high and math.isfinite(value):
        return value + 0.0  # -0.0 becomes 0.0: it is the same layer
    if hasattr(value, "__index__") and not isinstance(value, numbers.Real):  # an output of metaopt.outputs
        value = operator.index(value)
    if not isinstance(value, numbers.Real) or not math.isfinite(value) or not low <= float(value) <= high:
        accepted = f"a number >= {low:g}" if math.isinf(high) else f"a number in [{low:g}, {high:g}]"
        accepted = "a finite number" if math.isinf(low) else accepted
        raise _invalid_value(kind, argument, value, accepted)
    return float(value) + 0.0


def _invalid_value(kind: str, argument: str, value: Any, accepted: str) -> InvalidArchitecture:
    return InvalidArchitecture(kind, None, f"Invalid value for {argument}: {value!r}. Expected {accepted}.")
