"""Options of choices as plain values, by which other programs and tables name them."""

import contextlib
import json
import re
from typing import Any

from metaopt.errors import UserError, hint
from metaopt.spaces.evaluation import make_evaluator, to_python_number
from metaopt.spaces.nodes import Choice, Constant, Dict, Node, Value, walk
from metaopt.spaces.space import Space
from metaopt.values.json_values import to_json_value

Plain = None | bool | int | float | str


_LONGEST = 40  # name of a dict, in characters
_SCALARS = bool | int | float | str | None
_NUMBERED = re.compile(r"option (\d+)")


def find_options(space: Space) -> dict[str, tuple[Plain, ...]]:
    """Return the options of each choice by its label, as plain values that differ from each other.

    A plain option is itself, and a list is its JSON, e.g. ``[3, 3]``. A dict is named by what it holds, e.g.
    ``units=0``; hyperparameters, ``units=…``, are left out where constants tell it from the others. Another option, one
    whose name another one has, or whose name is long, is e.g. ``option 1``, counted from 0.
    """
    choices = {node.label: node for node in walk(space.root) if isinstance(node, Choice)}
    return {label: name_options(choice) for label, choice in choices.items()}


def name_options(choice: Choice) -> tuple[Plain, ...]:
    """Return the options of a choice, see ``find_options``."""
    short = [_describe_items(option, is_whole=False) for option in choice.options]
    names: list[Plain] = []
    for number, option in enumerate(choice.options):
        name = _plain_name(option, number)
        if isinstance(option, Dict) and option.items:
            whole = _describe_items(option, is_whole=True)
            described = short[number] if short.count(short[number]) == 1 else whole
            name = described if len(described) <= _LONGEST else f"option {number}"
        # 1 equals True and 1.0, so that programs would take one for the other.
        names.append(f"option {number}" if name in names else name)
    return tuple(names)


def _plain_name(option: Node, number: int) -> Plain:
    """Return an option as a plain value, a list or dict as JSON; ``option 1`` where it is no such value."""
    if not any(isinstance(node, Choice | Value) for node in walk(option)):
        value = to_python_number(make_evaluator(option, ())({}))
        plain = to_json_value(value)
        if isinstance(value, list | tuple | dict):
            return json.dumps(plain)
        if value == plain:
            return plain
    return f"option {number}"


def _describe_items(option: Node, *, is_whole: bool) -> str:
    """Return what a dict holds, e.g. ``share=0, learning_rate=…``; "" for another option.

    Args:
        option: the option.
        is_whole: whether hyperparameters are named beside constants.
    """
    if not isinstance(option, Dict):
        return ""
    constants = {key: item.value for key, item in option.items if isinstance(item, Constant)}
    plain = {key: value for key, value in constants.items() if isinstance(value, _SCALARS)}
    kept = [key for key, _ in option.items if is_whole or key in plain or not plain]
    return _join_items({key: _text(plain[key]) if key in plain else "…" for key in kept})


def _join_items(texts: dict[Any, str]) -> str:
    return ", ".join(f"{key}={text}" for key, text in texts.items())


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def match_option(label: str, options: tuple[Plain, ...], value: Any) -> int:
    """Return the index of the option that a value names.

    Args:
        label: label of the choice.
        options: see ``find_options``.
        value: an option, or its text.

    Raises:
        UserError: It names none.
    """
    for number, option in enumerate(options):
        if option == value and isinstance(option, bool) == isinstance(value, bool):
            return number
    texts = [str(option) for option in options]
    for text in (_text_of(value), str(value)):
        if text in texts:
            return texts.index(text)
    if (numbered := _NUMBERED.fullmatch(str(value))) and int(numbered[1]) < len(
        options
    ):  # its name in earlier versions
        return int(numbered[1])
    raise UserError(f"{label} is {value!r}, which is none of its options. {hint(str(value), texts)}")


def _text_of(value: Any) -> str:
    """Return the name of an option that is a list or a dict of constants, also where it is given as JSON."""
    if isinstance(value, str) and value.startswith("{"):
        with contextlib.suppress(ValueError):
            value = json.loads(value)
    if isinstance(value, dict):
        return _join_items({key: _text(each) for key, each in sorted(value.items(), key=str)})
    return json.dumps(value) if isinstance(value, list | tuple) else str(value)
