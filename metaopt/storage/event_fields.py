"""Fields of journal events and their types, checked when a journal is read."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from metaopt.trials.discard import is_discard
from metaopt.trials.record_fields import is_fork

Check = Callable[[Any], bool]

_MISSING = object()
_FLOATS = {float}


class WrongField(ValueError):
    """A field of an event is missing or of another type; the message is a clause."""


def check_fields(event: Mapping[str, Any], *, has_header: bool) -> None:
    """Check the fields of an event that the state of a study relies on; fields of other names are not looked at.

    Args:
        event: an event of a kind that this version knows.
        has_header: whether a ``study`` event came before it.

    Raises:
        WrongField: A field is missing or of another type.
    """
    kind = event["event"]
    if not has_header and kind != "study":
        raise WrongField(f"the event {kind!r} stands before the header")
    for name, is_optional, check in _CHECKS[kind]:
        value = event.get(name, _MISSING)
        if value is _MISSING:
            if is_optional:
                continue
            raise WrongField(f"the event {kind!r} has no {name}")
        if not (check(value) or (is_optional and value is None)):
            raise WrongField(f"the {name} of the event {kind!r} is {_kind_of(value)}")
    clock = event.get("clock", 0.0)
    if not _is_number(clock):
        raise WrongField(f"the clock of the event {kind!r} is {_kind_of(clock)}")


def _kind_of(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "a truth value", type(None): "null"}
    return kinds.get(type(value), f"{value!r:.40}")


def _is_number(value: Any) -> bool:
    if type(value) is float:
        return math.isfinite(value)
    return type(value) is int


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0  # a bool is not


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_anything(_: Any) -> bool:
    return True


def _is_metrics(value: Any) -> bool:
    """Return whether a value is the metrics of an epoch, of which NaN and infinities are null."""
    if not isinstance(value, dict):
        return False
    values = value.values()
    if set(map(type, values)) == _FLOATS and math.isfinite(sum(values)):  # nearly always, and ten times as fast
        return True
    return all(each is None or _is_number(each) for each in values)


def _is_list_of(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(map(check, value))


def _is_counter(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_count(each) for each in value.values())


def _is_known_point(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("vals"), dict)
        and (value.get("loss") is None or _is_number(value["loss"]))
        and _is_count(value.get("resource", 0))
    )


def _is_left(value: Any) -> bool:
    """Return whether a value is the trials that a decision left at a rung."""
    return isinstance(value, list) and all(
        isinstance(each, dict) and _is_count(each.get("trial")) and _is_reason(each.get("reason")) for each in value
    )


def _is_reason(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_number, value.values()))


def _is_result(value: Any) -> bool:
    """Return whether a value is what a user's own training may return: the loss and the epochs are numbers."""
    if not isinstance(value, dict):
        return False
    return ("loss" not in value or _is_number(value["loss"])) and ("epochs" not in value or _is_number(value["epochs"]))


_JOB: dict[str, Check] = {
    "trial": _is_count,
    "seconds": _is_number,
    "info?": _is_object,
    "result?": _is_result,
    "clock": _is_number,
}
# Event → its fields; a name that ends in ? may be missing or null.
_FIELDS: dict[str, dict[str, Check]] = {
    "study": {
        "fingerprint": _is_object,
        "objective": _is_text,
        "objectives?": _is_list_of(_is_text),
        "labels?": _is_list_of(_is_text),
        "problem?": _is_object,
        "data?": _is_object,
        "seed?": _is_count,
        "id?": _is_text,
    },
    "run": {"settings": _is_object},
    "proposed": {
        "trial": _is_count,
        "vals": _is_object,
        "point": _is_anything,
        "to": _is_number,
        "network": _is_object,
        "model_based": _is_flag,
        "rejected": _is_counter,
        "parent?": _is_count,
        "bracket?": _is_count,
        "fork?": is_fork,
        "change?": _is_text,
        "reason?": _is_reason,
        "left?": _is_left,
    },
    "epoch": {
        "trial": _is_count,
        "epoch": _is_count,
        "metrics": _is_metrics,
        "seconds": _is_number,
        "replicates?": _is_list_of(_is_metrics),
    },
    "fold": {"trial": _is_count, "fold": _is_count, "epoch": _is_count, "metrics": _is_metrics, "seconds": _is_number},
    "paused": _JOB,
    "ended": {**_JOB, "status": _is_text, "complete?": _is_flag, "failure?": _is_object, "discarded?": is_discard},
    "continued": {"trial": _is_count, "to": _is_number, "reason?": _is_reason, "left?": _is_left},
    "stopped": {"trial": _is_count, "reason?": _is_reason},
    "rejected": {"trial": _is_count, "reason": _is_text},
    "imported": {
        "vals": _is_object,
        "point": _is_anything,
        "status": _is_text,
        "epochs": _is_count,
        "metrics": _is_list_of(_is_metrics),
        "seconds?": _is_list_of(_is_number),
        "result": _is_result,
        "source": _is_text,
    },
    "winding_up": {"reason": _is_text},
    "refused": {"rejected": _is_counter},
    "unread": {"keys": _is_list_of(_is_text)},
    "known": {"source": _is_text, "study?": _is_text, "resource": _is_count, "points": _is_list_of(_is_known_point)},
    "done": {},
}
_CHECKS = {
    kind: [(name.removesuffix("?"), name.endswith("?"), check) for name, check in fields.items()]
    for kind, fields in _FIELDS.items()
}
