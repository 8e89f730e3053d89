"""Types of the fields of a record, checked wherever a record comes from outside.

An imported record becomes events of the journal. A field of another type would break every later command on the study.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from metaopt.trials.discard import is_discard
from metaopt.trials.trial_decision import KINDS
from metaopt.values.safe_text import cut, safe_repr

_LONGEST_VALUE = 60  # characters of a value in a message
_LARGEST_INTEGER = 2**63 - 1


class InvalidField(ValueError):
    """A field of a record has another type than records have; the message names it."""


def check_record(record: Mapping[str, Any]) -> None:
    """Check the fields of a record that metaopt reads; others may hold anything, and all may be missing or null.

    Raises:
        InvalidField: A field has another type.
    """
    for name, (is_valid, expected) in _FIELDS.items():
        value = record.get(name)
        if value is not None and not is_valid(value):
            raise InvalidField(f"{name} is {cut(safe_repr(value), _LONGEST_VALUE)}. Expected {expected}")
    for name, column in (record.get("history") or {}).items():
        _check_column(name, column)


def valid_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values without the fields of records that have another type than records have."""
    return {
        name: value for name, value in values.items() if value is None or name not in _FIELDS or _FIELDS[name][0](value)
    }


def is_count(value: Any) -> bool:
    """Return whether a value is an integer from 0 on."""
    return type(value) is int and 0 <= value <= _LARGEST_INTEGER


def _check_column(name: Any, column: Any) -> None:
    """Check a column of the history; NaN is allowed in metrics, as those of a training that diverged.

    Raises:
        InvalidField: It is no list of numbers.
    """
    if not isinstance(name, str) or not isinstance(column, list):
        raise InvalidField(f"history.{safe_repr(name).strip(chr(39))} is no list. Expected a number for each epoch.")
    for epoch, value in enumerate(column, start=1):
        is_valid = _is_duration(value) if name == "seconds" else value is None or _is_float(value)
        if not is_valid:
            found = cut(safe_repr(value), _LONGEST_VALUE)
            raise InvalidField(f"history.{name} is {found} at epoch {epoch}. Expected a number.")


def _is_float(value: Any) -> bool:
    """Return whether a value is a number, NaN and infinities among them."""
    if type(value) is int:
        return abs(value) <= _LARGEST_INTEGER
    return type(value) is float


def _is_finite(value: Any) -> bool:
    return _is_float(value) and math.isfinite(value)


def _is_finite_or_none(value: Any) -> bool:
    return value is None or _is_finite(value)


def _is_duration(value: Any) -> bool:
    return _is_finite(value) and value >= 0


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool)


def _is_mapping(value: Any) -> bool:
    return isinstance(value, dict)


def _dict_of(is_valid: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: (
        isinstance(value, dict) and all(isinstance(name, str) and is_valid(each) for name, each in value.items())
    )


def _list_of(is_valid: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(is_valid, value))


def _is_visit(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and all(is_count(value.get(name)) for name in ("to", "epochs", "spent"))
        and (value.get("loss") is None or _is_finite(value["loss"]))
        and (value.get("losses") is None or _list_of(_is_finite_or_none)(value["losses"]))
        and _is_boolean(value.get("feasible"))
        and _is_duration(value.get("ended"))
    )


def _is_decision(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.get("decision") in KINDS
        and all(is_count(value.get(name)) for name in ("to", "spent"))
        and _is_duration(value.get("clock"))
        and _dict_of(_is_finite)(value.get("reason"))
    )


def _is_inherited(value: Any) -> bool:
    return isinstance(value, dict) and is_count(value.get("trial"))


def is_fork(value: Any) -> bool:
    """Return whether a value is a trial and its epochs that another one was forked from, perhaps with a mate."""
    if not (isinstance(value, dict) and is_count(value.get("trial")) and is_count(value.get("epochs"))):
        return False
    return value.get("mate") is None or is_fork(value["mate"])


_COUNT = (is_count, "an integer >= 0.")
_NUMBER = (_is_finite, "a finite number.")
_DURATION = (_is_duration, "a number >= 0.")
_TEXT = (_is_text, "text.")
_BOOLEAN = (_is_boolean, "true or false.")

_FIELDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    **dict.fromkeys(
        ("trial", "parent", "mate", "epochs", "best_epoch", "bracket", "seed", "threads", "repeats"), _COUNT
    ),
    **dict.fromkeys(("params", "macs", "model_bytes"), _COUNT),
    **dict.fromkeys(("seconds", "ended", "violation"), _DURATION),
    **dict.fromkeys(("objective", "device", "source", "change", "cause", "error", "traceback"), _TEXT),
    **dict.fromkeys(("model_based", "imported", "complete", "paused", "feasible"), _BOOLEAN),
    "status": (lambda value: value in ("ok", "fail"), '"ok" or "fail".'),
    "loss": _NUMBER,
    "losses": (_dict_of(_is_finite_or_none), "a number for each objective."),
    "space": (_is_mapping, "a JSON object."),
    "vals": (_dict_of(_is_finite), "a number for each label."),
    "history": (_is_mapping, "a JSON object with a list for each metric."),
    "replicates": (_list_of(_is_finite), "a list of numbers."),
    "visits": (_list_of(_is_visit), "a list of objects with to, epochs, loss, feasible, ended and spent."),
    "decisions": (_list_of(_is_decision), "a list of objects with decision, to, spent, clock and reason."),
    "constraints": (_dict_of(_is_finite), "a number for each constraint."),
    "versions": (_dict_of(_is_text), "text for each package."),
    "latency": (_dict_of(_is_duration), "a number >= 0 for each of median_ms, low_ms, high_ms, runs and threads."),
    "discarded": (is_discard, "a JSON object with folds, of, folds_per_repeat, reference, loss and chance."),
    "fork": (is_fork, "a JSON object with a trial and epochs."),
    "inherited": (_is_inherited, "a JSON object with a trial."),
    "result": (_is_mapping, "a JSON object."),
}
