"""Text that identifies a value: equal in every process for equal values, and different for different ones.

A ``repr`` does not do: it may hold an address, and NumPy leaves out the middle of a large array. Plain values are
described by their JSON, arrays by all their numbers, classes and importable functions by their names, and other
functions by their code and the values that they captured, see ``metaopt.values.function_identity``.
"""

import hashlib
import json
import math
import re
import types
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from metaopt.values.safe_text import safe_repr

_MOST_NUMBERS = 1000  # of an array that are written out; a larger one is described by their digest
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def describe_value(value: Any, describe_function: Callable[[types.FunctionType], str] | None = None) -> str:
    """Return the text of a value.

    Args:
        value: any object; of one that is none of the kinds above, its ``repr`` without addresses, or its attributes
            where it has no ``repr`` of its own.
        describe_function: returns the text of a function; None for the one of ``metaopt.values.function_identity``.
    """
    try:
        return json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return _Description(describe_function).describe(value)


def is_plain(value: Any) -> bool:
    """Return whether a value consists of dicts with text keys, lists, tuples, texts, numbers, booleans and None."""
    try:
        return _is_plain(value)
    except RecursionError:  # it contains itself
        return False


def sign_draw(vals: Mapping[str, Any]) -> str:
    """Return the digest of a draw, label → value: equal whatever their order, for 1 and 1.0, and in every process."""
    canonical = {label: _canonical(vals[label]) for label in sorted(vals)}
    return hashlib.blake2b(f"vals {json.dumps(canonical)}".encode(), digest_size=16).hexdigest()


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, str | int | float | np.bool_ | np.number)


def _canonical(value: Any) -> Any:
    number = value.item() if isinstance(value, np.generic) else value
    return int(number) if isinstance(number, float) and math.isfinite(number) and number.is_integer() else number


class _Description:
    """Description of one value; a container within itself is described by its kind."""

    def __init__(self, describe_function: Callable[[types.FunctionType], str] | None) -> None:
        self._describe_function = describe_function
        self._open: set[int] = set()

    def describe(self, value: Any) -> str:
        if id(value) in self._open:
            return f"<{type(value).__qualname__} within itself>"
        self._open.add(id(value))
        try:
            return self._describe(value)
        finally:
            self._open.discard(id(value))

    def _describe(self, value: Any) -> str:
        if isinstance(value, set | frozenset):
            return "{" + ", ".join(sorted(map(self._nested, value))) + "}"
        if type(value) in (list, tuple):
            return "[" + ", ".join(map(self._nested, value)) + "]"
        if type(value) is dict:
            return "{" + ", ".join(f"{self._nested(key)}: {self._nested(item)}" for key, item in value.items()) + "}"
        if isinstance(value, np.ndarray):
            return self._array(value)
        if isinstance(value, types.FunctionType):
            return self._function(value)
        if isinstance(qualified := getattr(value, "__qualname__", None), str):  # a class or a built-in function
            return f"{getattr(value, '__module__', type(value).__name__)}.{qualified}"  # a generator has no module
        return self._object(value)

    def _nested(self, value: Any) -> str:
        try:
            return json.dumps(value)
        except (TypeError, ValueError, RecursionError):
            return self.describe(value)

    def _array(self, array: np.ndarray) -> str:
        if array.dtype.hasobject or array.size <= _MOST_NUMBERS:
            return f"array({self._nested(array.tolist())}, {array.dtype})"
        digest = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
        return f"array({array.shape}, {array.dtype}, {digest})"

    def _function(self, function: types.FunctionType) -> str:
        if self._describe_function is not None:
            return self._describe_function(function)
        from metaopt.values.function_identity import describe_function

        return describe_function(function)

    def _object(self, value: Any) -> str:
        kind = type(value)
        if kind.__repr__ is object.__repr__ and (attributes := getattr(value, "__dict__", None)):
            return f"{kind.__module__}.{kind.__qualname__}({self._nested(dict(attributes))})"
        return _ADDRESS.sub("", safe_repr(value))
