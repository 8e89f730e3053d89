# ruff: noqa: ARG001, ARG005 - every construction takes the budget
"""Names in pickles that hyperopt writes, each with its construction from plain values; see ``pickle_reader``."""

import datetime
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from metaopt.storage.pickle_arrays import (
    ArrayItems,
    DType,
    content_of,
    fill_array,
    make_array,
    make_dtype,
    make_scalar,
    set_byte_order,
)
from metaopt.storage.pickle_values import Budget, Instance, NotPlain, as_key


@dataclass(frozen=True)
class _Name:
    """A name of the table."""

    text: str


def find_name(module: str, name: str) -> _Name:
    """Return a name of the table.

    Raises:
        NotPlain: Hyperopt's pickles do not have it.
    """
    module = _OLD_MODULES.get(module, module)
    if f"{module}.{name}" not in _CONSTRUCTORS:
        raise NotPlain(f"it names {module[:100]}.{name[:100]}, which is not allowed")
    return _Name(f"{module}.{name}")


def construct(name: Any, arguments: tuple[Any, ...], budget: Budget) -> Any:
    """Construct a value.

    Args:
        name: from ``find_name``.
        arguments: plain values.
        budget: is charged with what is copied.

    Raises:
        NotPlain: The name has no such arguments.
    """
    if not isinstance(name, _Name):
        raise NotPlain("a name is missing")
    return _CONSTRUCTORS[name.text](budget, *arguments)


def build(value: Any, state: Any, budget: Budget) -> None:
    """Give a value its state, as BUILD does.

    Raises:
        NotPlain: It has no state, or not such a one.
    """
    if isinstance(value, Instance):
        if isinstance(state, dict):
            budget.spend(len(state))
            value.attributes.update(state)
    elif isinstance(value, DType):
        set_byte_order(value, state)
    elif isinstance(value, ArrayItems):
        fill_array(value, state, budget)
    elif not isinstance(value, dict):  # a bson.SON repeats its keys
        raise NotPlain(f"a {type(value).__name__.strip('_')} has a state")


def _reconstruct(budget: Budget, name: Any, shape: Any, code: Any) -> ArrayItems:
    if name != _Name("numpy.ndarray"):
        raise NotPlain("an array is of another class")
    return ArrayItems()


def _encode(budget: Budget, text: str, encoding: str = "") -> bytes:
    if encoding not in ("latin1", "latin-1") or not isinstance(text, str):
        raise NotPlain("bytes are in no Latin-1")
    return content_of(text, budget)


def _datetime(budget: Budget, content: Any, *_: Any) -> datetime.datetime:
    """Return a time without its zone, from the ten bytes that datetime writes."""
    raw = content_of(content, budget)
    if len(raw) != 10:
        raise NotPlain("a time has not ten bytes")
    fold_bit = 128  # of the month
    return datetime.datetime(
        raw[0] * 256 + raw[1], raw[2] % fold_bit, raw[3], raw[4], raw[5], raw[6], int.from_bytes(raw[7:10], "big")
    )


def _items_of(budget: Budget, items: Any = ()) -> list[Any]:
    if not isinstance(items, list | tuple):
        raise NotPlain("items are in no list")
    budget.spend(len(items))
    return list(items)


def _ordered_dict(budget: Budget, items: Any = ()) -> dict[Any, Any]:
    return OrderedDict((as_key(key), value) for key, value in _items_of(budget, items))


def _complex(budget: Budget, real: Any, imaginary: Any) -> complex:
    if not isinstance(real, float) or not isinstance(imaginary, float):
        raise NotPlain("a complex number is not of floats")
    return complex(real, imaginary)


def _empty_bytes(budget: Budget) -> bytes:
    return b""


def _of_class(budget: Budget, name: Any, *arguments: Any) -> Any:
    return construct(name, arguments, budget)


def _reconstructor(budget: Budget, name: Any, base: Any, state: Any) -> Any:
    """Construct an object as protocols 0 and 1 do: of a class, its built-in base, and the content of the base."""
    if base == _Name("builtins.dict") and isinstance(state, dict):
        budget.spend(len(state))
        return {**construct(name, (), budget), **state} if name == _Name("bson.son.SON") else dict(state)
    if base != _Name("builtins.object") or state is not None:
        raise NotPlain("an object has an unknown base")
    return construct(name, (), budget)


def _no_call(budget: Budget, *arguments: Any) -> Any:
    raise NotPlain("a class is called")


def _instance(name: str) -> Callable[..., Instance]:
    return lambda budget, *arguments: Instance(name)


_OLD_MODULES = {
    "__builtin__": "builtins",
    "copy_reg": "copyreg",
    "numpy._core.multiarray": "numpy.core.multiarray",
    "numpy._core.numeric": "numpy.core.numeric",
}

_CONSTRUCTORS: dict[str, Callable[..., Any]] = {
    "_codecs.encode": _encode,
    "bson.objectid.ObjectId": _instance("ObjectId"),
    "bson.son.SON": lambda budget, *arguments: {},
    "builtins.bytes": _empty_bytes,
    "builtins.complex": _complex,
    "builtins.dict": _no_call,
    "builtins.frozenset": lambda budget, items=(): frozenset(map(as_key, _items_of(budget, items))),
    "builtins.object": _no_call,
    "builtins.set": lambda budget, items=(): set(map(as_key, _items_of(budget, items))),
    "collections.OrderedDict": _ordered_dict,
    "copyreg.__newobj__": _of_class,
    "copyreg._reconstructor": _reconstructor,
    "datetime.datetime": _datetime,
    "datetime.timedelta": _instance("timedelta"),
    "datetime.timezone": _instance("timezone"),
    "hyperopt.base.Trials": _instance("Trials"),
    "numpy.core.multiarray._reconstruct": _reconstruct,
    "numpy.core.multiarray.scalar": make_scalar,
    "numpy.core.numeric._frombuffer": make_array,
    "numpy.dtype": make_dtype,
    "numpy.ndarray": _no_call,
}
