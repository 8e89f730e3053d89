r"""JSON of any Python object, for journal, records, test log and metadata of models.

A search writes what users' functions take, return and raise. ``to_json_value`` converts every object to the types of
JSON and never raises; ``dump_json`` writes them. Ordinary values are written as ``json.dumps`` writes them. Of others:

- NaN and infinities become null; integers beyond the range of a float become hexadecimal text;
- NumPy numbers and arrays of one number become numbers; other objects become their ``repr``;
- keys become text as in ``json.dumps``, other keys their ``repr``; a key of the same text as another gets its type;
- a container within itself or deeper than the limit becomes ``"[...]"`` or ``"{...}"``;
- items and characters beyond a limit are left out, which is said in their place;
- a lone surrogate (a byte of a file name that is no UTF-8) is written as its JSON escape, and read as it was.
"""

import json
import math
from collections import Counter, OrderedDict
from typing import Any

import numpy as np

from metaopt.values.safe_text import call_bounded, class_name, safe_repr

MAX_DEPTH = 64
MAX_ITEMS = 1_000_000
MAX_CHARACTERS = 10_000_000
_INTEGER_BITS = 1023  # a float holds every integer of so many bits
_MARGIN = 10  # for documents around converted values, which must not be cut a second time
_CONSTANT_KEYS = {None: "null", True: "true", False: "false"}


def to_json_value(
    value: Any, *, max_depth: int = MAX_DEPTH, max_items: int = MAX_ITEMS, max_characters: int = MAX_CHARACTERS
) -> Any:
    """Return a value as ``json.loads`` would: of dict with string keys, list, str, int, float, bool and None.

    Args:
        value: any object; its own methods are called for its ``repr`` and for a single number only.
        max_depth: containers within each other.
        max_items: items of all containers.
        max_characters: characters of all texts.
    """
    return _Conversion(max_items, max_characters).convert(value, max_depth)


def to_json_document(value: Any) -> Any:
    """Return a document that holds converted values, such as an event, in the types of JSON, under wider limits."""
    return to_json_value(
        value,
        max_depth=MAX_DEPTH + _MARGIN,
        max_items=_MARGIN * MAX_ITEMS,
        max_characters=_MARGIN * MAX_CHARACTERS,
    )


def dump_json(value: Any, *, indent: int | None = None, compact: bool = False) -> bytes:
    """Return a document as UTF-8, whatever it holds; see ``to_json_document``.

    Args:
        value: any object.
        indent: spaces of each level, or None for one line.
        compact: whether spaces after separators are left out.
    """
    return encode_json(to_json_document(value), indent=indent, compact=compact)


def encode_json(value: Any, *, indent: int | None = None, compact: bool = False) -> bytes:
    """Return a converted document as UTF-8; see ``dump_json``."""
    separators = (",", ":") if compact else None
    text = json.dumps(value, indent=indent, separators=separators, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace")  # Python's escape of a surrogate is that of JSON


class _Conversion:
    """Conversion of one value, with what is left of its limits."""

    def __init__(self, items: int, characters: int) -> None:
        self._items = items
        self._characters = characters
        self._open: set[int] = set()  # ids of the containers around the current value

    def convert(self, value: Any, depth: int) -> Any:
        kind = type(value)  # `isinstance` would ask the object for its `__class__`
        if value is None or kind is bool:
            return value
        if issubclass(kind, str):
            return self._text(str.__str__(value))
        if issubclass(kind, int):
            return self._integer(int.__int__(value))
        if issubclass(kind, float):
            number = float.__float__(value)
            return number if math.isfinite(number) else None
        if issubclass(kind, dict | list | tuple):
            return self._container(value, depth)
        number = _number(value)
        if number is not value:
            return self.convert(number, depth - 1) if depth > 0 else "..."
        return self._text(_repr(value))

    def _container(self, value: Any, depth: int) -> Any:
        is_dict = issubclass(type(value), dict)
        if depth <= 0 or id(value) in self._open:
            return "{...}" if is_dict else "[...]"
        self._open.add(id(value))
        try:
            return self._dict(value, depth - 1) if is_dict else self._list(value, depth - 1)
        finally:
            self._open.discard(id(value))

    def _list(self, value: Any, depth: int) -> list[Any]:
        base = list if issubclass(type(value), list) else tuple  # a subclass may iterate otherwise, or for ever
        items = base.__getitem__(value, slice(None))
        converted: list[Any] = []
        for number, item in enumerate(items):
            if self._items <= 0:
                converted.append(f"… ({len(items) - number} more)")
                break
            self._items -= 1
            converted.append(self.convert(item, depth))
        return converted

    def _dict(self, value: Any, depth: int) -> dict[str, Any]:
        items = _items(value)
        reserved = {key for key, _ in items if type(key) is str}  # a string keeps its name, wherever it stands
        repeated: Counter[str] = Counter()
        converted: dict[str, Any] = {}
        for number, (key, item) in enumerate(items):
            if self._items <= 0:
                converted["…"] = f"{len(items) - number} more"
                break
            self._items -= 1
            name = self._text(_key(key))
            if name in converted or (name in reserved and type(key) is not str):
                kind = f"{name} ({class_name(key)}"
                name = f"{kind})"
                while name in converted or name in reserved:
                    repeated[kind] += 1
                    name = f"{kind} {repeated[kind] + 1})"
            converted[name] = self.convert(item, depth)
        return converted

    def _integer(self, value: int) -> int | str:
        return value if value.bit_length() <= _INTEGER_BITS else self._text(_hexadecimal(value))

    def _text(self, text: str) -> str:
        if len(text) > self._characters:
            text = text[: self._characters] + f"… ({len(text) - self._characters} more characters)"
        self._characters = max(0, self._characters - len(text))
        return text if text.isascii() else _joined_surrogates(text)


def _items(value: Any) -> list[tuple[Any, Any]]:
    """Return the items of a dict, without the methods of a subclass."""
    if issubclass(type(value), OrderedDict):
        try:
            return list(OrderedDict.items(value))
        except (KeyError, RuntimeError):  # a subclass that bypassed its order
            pass
    return list(dict.items(value))


def _number(value: Any) -> Any:
    """Return the number of a NumPy scalar or of an array of one element, of whatever library; else the value itself."""
    kind = type(value)
    if issubclass(kind, np.floating):  # also a long double, whose `item` returns itself
        return float(value)
    if issubclass(kind, np.integer | np.bool_):
        return value.item()
    if is_masked(value):
        return math.nan
    found = call_bounded(lambda: (value.item(),) if hasattr(value, "item") and value.size == 1 else None)
    return value if found is None else found[0]


def is_masked(value: Any) -> bool:
    """Return whether a value is a masked number of NumPy, whose ``item`` returns a number that nobody computed."""
    return issubclass(type(value), np.ma.MaskedArray) and value.size == 1 and bool(np.ma.getmaskarray(value).all())


def _repr(value: Any) -> str:
    """Return the ``repr`` of an object; a large array is abridged, whatever the print options."""
    if not issubclass(type(value), np.ndarray):
        return safe_repr(value)
    with np.printoptions(threshold=1000):
        return safe_repr(value)


def _key(key: Any) -> str:
    """Return the text of a key, as ``json.dumps`` writes it where it can."""
    kind = type(key)
    if key is None or kind is bool:
        return _CONSTANT_KEYS[key]
    if issubclass(kind, str):
        return str.__str__(key)
    if issubclass(kind, int):
        number = int.__int__(key)
        return str(number) if number.bit_length() <= _INTEGER_BITS else _hexadecimal(number)
    if issubclass(kind, float):
        return json.dumps(float.__float__(key))
    if issubclass(kind, np.generic) and (number := _number(key)) is not key and type(number) in (int, float, bool):
        return _key(number)
    return _repr(key)


def _hexadecimal(value: int) -> str:
    """Return an integer as text; in decimal digits it would take quadratic time."""
    return hex(value)


def _joined_surrogates(text: str) -> str:
    """Return text in which a pair of surrogates is the character that it stands for, as a JSON reader returns it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    return text
