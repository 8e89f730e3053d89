# ruff: noqa: ARG001 - every construction takes the budget
"""NumPy dtypes, numbers and arrays in pickles, read without NumPy's own constructors; see ``pickle_reader``."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from metaopt.storage.pickle_values import Budget, NotPlain, OldText

_NUMBER = re.compile(r"b1|[iu][1248]|f(?:2|4|8|16)|c(?:8|16|32)")
_TEXT = re.compile(r"[SU]\d{1,7}")
_MOST_DIMENSIONS = 32
_FLAGS = {"U": (0, 8)}  # that NumPy writes; any other dtype has 0


@dataclass
class DType:
    """A NumPy dtype of numbers or text.

    Attributes:
        code: kind and size, e.g. ``f8``.
        order: byte order, ``<`` or ``>``; set by BUILD.
    """

    code: str
    order: str = "<"

    @property
    def size(self) -> int:
        """Bytes of an item."""
        return int(self.code[1:]) * (4 if self.code[0] == "U" else 1)

    def items(self, raw: bytes) -> list[Any]:
        """Return the numbers or texts in bytes."""
        if self.code[0] not in "SU":
            values = np.frombuffer(raw, np.dtype(self.order + self.code))
            if values.dtype.kind in "fc" and values.dtype.itemsize > 8:  # long doubles stay NumPy's in tolist()
                return [complex(each) if values.dtype.kind == "c" else float(each) for each in values]
            return values.tolist()
        parts = [raw[start : start + self.size] for start in range(0, len(raw), self.size)]
        if self.code[0] == "S":
            return [part.rstrip(b"\0") for part in parts]
        return [part.decode("utf-32-be" if self.order == ">" else "utf-32-le").rstrip("\0") for part in parts]


class ArrayItems(list[Any]):
    """The items of a NumPy array, as nested lists; BUILD fills it."""


def set_byte_order(dtype: DType, state: Any) -> None:
    """Set the byte order of a dtype; its other fields, of which flags are dangerous, must be those of plain numbers."""
    _, order, *structure, size, alignment, flags = state
    usual = _FLAGS.get(dtype.code[0], (0,))
    if structure != [None] * 3 or flags not in usual or type(size) is not int or type(alignment) is not int:
        raise NotPlain("a NumPy dtype is not one of plain numbers")
    dtype.order = {"=": "<", "|": "<"}.get(order, order)
    if dtype.order not in ("<", ">"):
        raise NotPlain("a NumPy dtype has no byte order")


def content_of(value: Any, budget: Budget) -> bytes:
    """Return the bytes of a number or an array; of pickles without bytes they are Latin-1 text."""
    if isinstance(value, OldText):
        return value.raw
    if isinstance(value, str):
        budget.spend(characters=len(value))
        return value.encode("latin-1")
    if not isinstance(value, bytes):
        raise NotPlain("a number has no bytes")
    return value


def fill_array(array: ArrayItems, state: Any, budget: Budget) -> None:
    """Fill an array with the items of its state, as BUILD does.

    Raises:
        NotPlain: It is not the state of an array of numbers or text.
    """
    _, shape, dtype, is_fortran, content = state
    array[:] = _nested(content_of(content, budget), dtype, shape, bool(is_fortran), budget)


def _nested(raw: bytes, dtype: Any, shape: Any, is_fortran: bool, budget: Budget) -> list[Any]:
    """Return the items of an array as nested lists, those of an array without dimensions in one list."""
    if not isinstance(dtype, DType) or not isinstance(shape, tuple) or len(shape) > _MOST_DIMENSIONS:
        raise NotPlain("an array has no dtype or no shape")
    count = 1
    for length in shape:
        if type(length) is not int or length < 0:
            raise NotPlain("an array has no shape")
        count *= length
    if count * dtype.size != len(raw) or (dtype.size == 0 and count):
        raise NotPlain("an array has other bytes than its shape")
    if count == 0:
        return []
    budget.spend(2 * count)
    items = np.empty(count, object)
    items[:] = dtype.items(raw)
    nested = items.reshape(shape, order="F" if is_fortran else "C").tolist()
    return nested if shape else [nested]


def make_dtype(budget: Budget, code: str, *_: Any) -> DType:
    """Return the dtype of a code such as ``f8``."""
    if not isinstance(code, str) or not (_NUMBER.fullmatch(code) or _TEXT.fullmatch(code)):
        raise NotPlain("a NumPy dtype is not one of plain numbers")
    return DType(str(code))


def make_scalar(budget: Budget, dtype: Any, content: Any) -> Any:
    """Return the number of a NumPy scalar."""
    raw = content_of(content, budget)
    if not isinstance(dtype, DType) or len(raw) != dtype.size or not raw:
        raise NotPlain("a number has not the size of its dtype")
    return dtype.items(raw)[0]


def make_array(budget: Budget, content: Any, dtype: Any, shape: Any, order: Any) -> list[Any]:
    """Return the items of an array that protocol 5 wrote, as nested lists."""
    return _nested(content_of(content, budget), dtype, shape, order == "F", budget)
