"""Nested points as flat rows: a path in the point → a value, and the same as the text of a table's cell."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

_WORDS = {"None": None, "True": True, "False": False}  # of Python, as pandas writes them


def flatten(point: Any) -> dict[str, Any]:
    """Return path → value of a point, e.g. ``{"block.filters": 8}``; items of a sequence are numbered.

    A dot or a percent sign in a key is escaped as in URLs: ``%2E`` or ``%25``. A sequence of plain values, such as a
    kernel size, is one value, and so is an empty dict or sequence.

    Args:
        point: in the types of JSON.
    """
    return dict(_flatten(point, ""))


def _flatten(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    is_nested = isinstance(value, Mapping) or (
        isinstance(value, list | tuple) and any(isinstance(item, Mapping | list | tuple) for item in value)
    )
    if not is_nested or not value:
        yield path or "point", value
        return
    items = value.items() if isinstance(value, Mapping) else enumerate(value)
    for key, item in items:
        name = str(key).replace("%", "%25").replace(".", "%2E")
        yield from _flatten(item, f"{path}.{name}" if path else name)


def unflatten(values: Mapping[str, Any]) -> Any:
    """Return the nested point of a flat row; keys that are 0, 1, 2, … are those of a list."""
    if values.keys() == {"point"}:
        return values["point"]
    root: dict[str, Any] = {}
    for path, value in sorted(values.items()):
        *parents, last = map(unescape, path.split("."))
        node = root
        for key in parents:
            below = node.get(key)
            if not isinstance(below, dict):  # e.g. a choice that is "set" in another row
                below = node[key] = {}
            node = below
        node[last] = value
    return _with_lists(root)


def unescape(path: str) -> str:
    """Return a path, or a part of one, with its dots and percent signs as they are in the keys."""
    return path.replace("%2E", ".").replace("%25", "%")


def _with_lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    found = {key: _with_lists(value) for key, value in node.items()}
    if found and found.keys() == {str(number) for number in range(len(found))}:
        return [found[str(number)] for number in range(len(found))]
    return found


def write_cell(value: Any) -> str:
    """Return a value as the text of a cell: JSON, but a string without quotes where it is nothing else."""
    if isinstance(value, str):
        return value if value == value.strip() and read_cell(value) == value and value else json.dumps(value)
    return json.dumps(value, default=str)


def read_cell(text: str) -> Any:
    """Return the value of a cell that is not empty; the counterpart of ``write_cell``."""
    if text in _WORDS:
        return _WORDS[text]
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
