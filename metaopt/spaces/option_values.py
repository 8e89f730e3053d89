"""Options of choices as plain values, by which other programs and tables name them."""

import json
from typing import Any

from metaopt.errors import UserError, hint
from metaopt.spaces.evaluation import make_evaluator, to_python_number
from metaopt.spaces.nodes import Choice, Value, walk
from metaopt.spaces.space import Space
from metaopt.values.json_values import to_json_value

Plain = None | bool | int | float | str


def find_options(space: Space) -> dict[str, tuple[Plain, ...]]:
    """Return the options of each choice by its label, as plain values that differ from each other.

    A plain option is itself. Another one is its JSON, e.g. ``[3, 3]``, and one that holds hyperparameters, or has no
    JSON of its own, is e.g. ``option 1``, counted from 0.
    """
    choices = {node.label: node for node in walk(space.root) if isinstance(node, Choice)}
    return {label: name_options(choice) for label, choice in choices.items()}


def name_options(choice: Choice) -> tuple[Plain, ...]:
    """Return the options of a choice, see ``find_options``."""
    names: list[Plain] = []
    for number, option in enumerate(choice.options):
        name: Plain = f"option {number}"
        if not any(isinstance(node, Choice | Value) for node in walk(option)):
            value = to_python_number(make_evaluator(option, ())({}))
            plain = to_json_value(value)
            if isinstance(value, list | tuple | dict):
                name = json.dumps(plain)
            elif value == plain:
                name = plain
        # 1 equals True and 1.0, so that programs would take one for the other.
        names.append(f"option {number}" if name in names else name)
    return tuple(names)


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
    if isinstance(value, list | tuple | dict):
        value = json.dumps(value)
    if str(value) in texts:
        return texts.index(str(value))
    raise UserError(f"{label} is {value!r}, which is none of its options. {hint(str(value), texts)}")
