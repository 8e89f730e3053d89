"""Reports of trainings in plain values: what a user's training returns or reports cannot break the search.

Every report passes here before it leaves the training, in a worker before it is pickled. Its fields then are exactly of
the types that ``metaopt.engine.jobs`` names, texts are bounded, and what metaopt reads of a returned record is valid.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from metaopt.engine.jobs import Epoch, EpochProgress, Failed, Finished, Job, Message, PointReads, Rejected, Remark
from metaopt.trials.constraints import as_number, is_number
from metaopt.trials.record_fields import is_count, valid_fields
from metaopt.values.json_values import to_json_value
from metaopt.values.safe_text import class_name, cut, safe_repr, safe_str

_LONGEST_CAUSE = 100  # characters
_LONGEST_SENTENCE = 2000
_LONGEST_VALUE = 60


def plain_end(job: Job, end: Any) -> Finished | Failed | Rejected:
    """Return the report that ends a job, in plain values.

    Args:
        job: the job.
        end: what its trainer returned.

    Raises:
        TypeError: It is no such report, or its loss is no finite number.
    """
    match end:
        case Finished():
            return replace(
                end,
                trial=job.trial,
                complete=bool(end.complete),
                info=valid_fields(_plain(end.info)),
                returned=_plain_result(job, _plain(end.returned)),
            )
        case Failed():
            return replace(
                end,
                trial=job.trial,
                cause=" ".join(safe_str(end.cause, _LONGEST_CAUSE).split()) or "failed",
                error=safe_str(end.error, _LONGEST_SENTENCE),
                traceback=safe_str(end.traceback),
                mistake=safe_str(end.mistake),
            )
        case Rejected():
            detail = safe_str(end.detail, _LONGEST_SENTENCE)
            return replace(end, trial=job.trial, reason=safe_str(end.reason, _LONGEST_CAUSE), detail=detail)
    raise TypeError(f"The training ended with a {class_name(end)}. Expected a report.")


def plain_message(job: Job, message: Any) -> Message:
    """Return a report of a running job in plain values.

    Raises:
        ValueError: It is not a report on an epoch of this job with finite numbers; the message says what to report.
        TypeError: It is no report.
    """
    match message:
        case Remark():
            return Remark(job.trial, safe_str(message.text, _LONGEST_SENTENCE))
        case PointReads():
            known, read = (
                frozenset(safe_str(key, _LONGEST_SENTENCE) for key in keys) for keys in (message.known, message.read)
            )
            return PointReads(job.trial, known, read)
        case EpochProgress():
            number, fraction = _epoch_number(message.epoch), as_number(message.fraction)
            if fraction is None or not 0 <= fraction <= 1:
                found = cut(safe_repr(message.fraction), _LONGEST_VALUE)
                raise ValueError(f"{found} of epoch {number} was reported as done. Expected a fraction, 0 to 1.")
            return EpochProgress(job.trial, number, float(fraction))
        case Epoch():
            number, seconds = _epoch_number(message.epoch), as_number(message.seconds)
            if seconds is None or seconds < 0:
                found = cut(safe_repr(message.seconds), _LONGEST_VALUE)
                raise ValueError(f"Epoch {number} was reported with {found} seconds. Expected a number >= 0.")
            if safe_repr(message.trial) != str(job.trial):
                found = cut(safe_repr(message.trial), _LONGEST_VALUE)
                raise ValueError(f"Epoch {number} was reported for trial {found}. Expected {job.trial}, this trial.")
            folds = tuple(_numbers(number, each) for each in message.replicates)
            fold = None if message.fold is None else _fold_number(number, message.fold)
            own = _numbers(number, message.metrics)
            return Epoch(job.trial, number, own, seconds, folds, fold, bool(message.ends_fold))
    raise TypeError(f"A {class_name(message)} was reported. Expected an Epoch or a Remark.")


def _epoch_number(value: Any) -> int:
    """Return the number of an epoch.

    Raises:
        ValueError: It is no integer from 1.
    """
    return _integer(value, 1, "An epoch was reported as number")


def _fold_number(epoch: int, value: Any) -> int:
    """Return the number of a fold.

    Raises:
        ValueError: It is no integer from 0.
    """
    return _integer(value, 0, f"Epoch {epoch} was reported for fold")


def _integer(value: Any, least: int, what: str) -> int:
    """Return an integer that is not below the least one; ``what`` begins the error.

    Raises:
        ValueError: It is none.
    """
    number = as_number(value)
    if number is None or number < least or number != int(number):
        found = cut(safe_repr(value), _LONGEST_VALUE)
        raise ValueError(f"{what} {found}. Expected an integer >= {least}.")
    return int(number)


def _keys(keys: Iterable[Any]) -> frozenset[str]:
    return frozenset(safe_str(key, _LONGEST_SENTENCE) for key in keys)


def _numbers(epoch: int, metrics: Any) -> dict[str, float]:
    """Return the metrics of an epoch.

    Raises:
        ValueError: One is no finite number.
    """
    if not isinstance(metrics, dict):
        raise ValueError(f"Epoch {epoch} was reported with metrics of type {class_name(metrics)}. Expected a dict.")
    numbers = {safe_str(name, _LONGEST_CAUSE): as_number(value) for name, value in metrics.items()}
    bad = {name: value for name, value in metrics.items() if numbers[safe_str(name, _LONGEST_CAUSE)] is None}
    if bad:
        raise ValueError(
            f"Epoch {epoch} was reported with {cut(safe_repr(bad), _LONGEST_SENTENCE)}. Report finite numbers only, or"
            " return the status 'fail'."
        )
    return {name: value for name, value in numbers.items() if value is not None}


def _plain(values: Any) -> dict[str, Any]:
    """Return a dict in JSON types; numbers of any type stay numbers, of which objectives and constraints are judged."""
    numbers = {name: as_number(value) for name, value in dict.items(values)}
    known = {name: value if numbers[name] is None else numbers[name] for name, value in dict.items(values)}
    plain: dict[str, Any] = to_json_value(known)
    return plain


def _plain_result(job: Job, returned: dict[str, Any]) -> dict[str, Any]:
    """Return what a user's own training returned, with a loss and a valid number of epochs.

    Raises:
        TypeError: Its loss is no finite number.
    """
    if "loss" in returned and not is_number(returned["loss"]):
        found = cut(safe_repr(returned["loss"]), _LONGEST_VALUE)
        raise TypeError(f"The training returned {found} as its loss. Expected a finite number.")
    if "epochs" in returned and not is_count(returned["epochs"]):
        number = as_number(returned["epochs"])
        is_whole = number is not None and number >= 0 and number == int(number)
        return {**returned, "epochs": int(number) if is_whole and number is not None else job.target_resource}
    return returned
