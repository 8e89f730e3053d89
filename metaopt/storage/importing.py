"""Import of trials: records of metaopt or of its ancestor, and pickles of hyperopt's Trials.

They become events of the journal, marked as imported: a sampler learns from them, but none is ever the study's best.
Everything is checked here, so that an event in the journal is one that every command can read.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from metaopt.errors import UserError
from metaopt.files.regular_file import open_regular
from metaopt.spaces import Space, Vals
from metaopt.spaces.point_key import point_key
from metaopt.storage.results_pickle import Document, read_documents
from metaopt.terminal.commands import shown
from metaopt.trials.objective import Objective
from metaopt.trials.record_fields import InvalidField, check_record
from metaopt.trials.result import Judge
from metaopt.trials.trial import Trial
from metaopt.values.json_values import to_json_value
from metaopt.values.safe_text import cut

_MOST_BYTES = 200_000_000

# Metric names in the ancestor's records, of two heads, the first of which is the one that counts.
_OLD_NAME = re.compile(r"(val_)?(\w+)_outputs?_(acc|loss)")
_OLD_TOTALS = {"val_loss": "val_total_loss"}
_OLD_METRIC = {"acc": "accuracy", "loss": "loss"}


class NotAMeasure(UserError):
    """A record has no value of the study's objective."""


def read_foreign(
    path: Path, space: Space, objective: Objective, defaults: Mapping[str, Any], heads: tuple[str, ...]
) -> Iterator[dict[str, Any]]:
    """Yield the trials of a file as events without their kind; none for a trial that was not trained to its end.

    Args:
        path: a JSON record, or a pickle of hyperopt's Trials.
        space: space of the study.
        objective: objective of the study; a trial needs a value of it.
        defaults: key of a point → its value where a record lacks the key.
        heads: heads of the data set, the first one first.

    Raises:
        UserError: The file cannot be read, or holds no trial of this space.
    """
    if path.suffix == ".pkl":
        # Others, such as our own suspended ones, have no comparable loss.
        for document in (each for each in read_documents(path) if each.status in ("ok", "fail")):
            event = document_event(document, f"{shown(path)}, tid {document.tid}", space, defaults)
            yield {**event, **_history_of(document, objective, heads)}
        return
    record = _read_json(path)
    if record.get("complete") is False:  # the result of its full training is unknown
        return
    vals = _vals_of_point(space, record["space"], defaults, shown(path))
    metrics = _epochs(record, heads)
    seconds = (record.get("history") or {}).get("seconds") or []
    loss = None if record.get("history") else record.get("loss")
    _require_objective(path, metrics, seconds, objective)
    event = _event(space, vals, record.get("status"), loss, metrics, shown(path))
    yield {**event, "seconds": seconds[: len(metrics)], "identity": identity(vals, record.get("loss"))}


def document_event(document: Document, source: str, space: Space, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the event of a trial in a pickle, without its kind.

    The objective functions of the ancestor return the point among their results. It decides where the pickle's labels
    are those of another version of the space.

    Args:
        document: the trial.
        source: names it for users.
        space: space of the study.
        defaults: key of a point → its value where an earlier space lacks the key.

    Raises:
        UserError: It is not a trial of the space.
    """
    point = document.result.get("space")
    try:
        vals = space.restrict(document.vals)
        if isinstance(point, dict) and point_key(space.point(vals)) != point_key(point):
            vals = _vals_of_result(space, point, defaults, source) or vals
    except UserError as error:
        if not isinstance(point, dict):
            raise UserError(f"{source}: {error}") from None
        vals = _vals_of_point(space, point, defaults, source)
    event = _event(space, vals, document.status, document.loss, [], source)
    return {**event, "identity": identity(vals, document.loss)}


def _history_of(document: Document, objective: Objective, heads: tuple[str, ...]) -> dict[str, Any]:
    """Return the epochs of a trial whose objective function returned a whole record, as the ancestor's does."""
    record = {"history": document.result.get("history")}
    if document.status != "ok" or not isinstance(record["history"], dict):
        return {}
    try:
        check_record(record)
        metrics, seconds = _epochs(record, heads), record["history"].get("seconds") or []
        _require_objective(Path(), metrics, seconds, objective)
    except (InvalidField, NotAMeasure):  # of another objective; its loss counts
        return {}
    if not metrics:
        return {}
    return {"epochs": len(metrics), "metrics": metrics, "seconds": seconds[: len(metrics)], "result": {}}


def identity(vals: Mapping[str, Any], loss: float | None) -> str:
    """Return a text that is equal for one trial in several files: its hyperparameters and its loss, to 8 digits."""
    rounded = {label: f"{value:.8g}" for label, value in vals.items()}
    return point_key({"vals": rounded, "loss": None if loss is None else f"{loss:.8g}"})


def without_doubles(
    files: Iterable[list[dict[str, Any]]], trials: Iterable[Trial], judge: Judge
) -> list[dict[str, Any]]:
    """Return the events of trials that neither the study nor an earlier file holds.

    Args:
        files: events of each file. Equal trials within one file are different ones.
        trials: trials of the study.
        judge: its judge.
    """
    # A trial may have been trained on since it was imported; another study or table may have the same name.
    sources = {(trial.info.get("source"), identity(trial.vals, None)) for trial in trials if trial.imported}
    known = Counter(trial.info.get("identity") or identity(trial.vals, trial.latest(judge).loss) for trial in trials)
    found = []
    for events in files:
        here: Counter[str] = Counter()
        for event in events:
            here[event["identity"]] += 1
            is_known = (event["source"], identity(event["vals"], None)) in sources
            if not is_known and here[event["identity"]] > known[event["identity"]]:
                found.append(event)
        known |= here
    return found


def _vals_of_point(space: Space, point: Any, defaults: Mapping[str, Any], source: str) -> Vals:
    """Return the values of a point.

    Raises:
        UserError: The point is not in the space.
    """
    try:
        return read_point(space, point, defaults)
    except UserError as error:
        raise UserError(f"{source}: {error}") from error


def read_point(space: Space, point: Any, defaults: Mapping[str, Any]) -> Vals:
    """Return the values of a point that comes from a file or a user.

    Raises:
        UserError: It is not in the space.
    """
    try:
        return space.vals(point, defaults=defaults)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise UserError(f"its point cannot be read ({cut(str(error), 200)}).") from error


def _vals_of_result(space: Space, point: Any, defaults: Mapping[str, Any], source: str) -> Vals | None:
    """Return the values of a point among the results of a trial, or None if it is not one of the space."""
    try:
        return _vals_of_point(space, point, defaults, source)
    except UserError:
        return None


def _event(
    space: Space, vals: Vals, status: Any, loss: float | None, metrics: list[dict[str, float]], source: str
) -> dict[str, Any]:
    ok = status == "ok" and (loss is not None or bool(metrics))
    return {
        "source": source,
        "vals": dict(vals),
        "point": to_json_value(space.point(vals)),
        "status": "ok" if ok else "fail",
        "epochs": len(metrics),
        "metrics": metrics,
        "result": {"loss": float(loss)} if ok and loss is not None else {},
    }


def value_event(space: Space, vals: Vals, losses: Mapping[Objective, float], source: str) -> dict[str, Any]:
    """Return the event of a trial of which only its values are known.

    Args:
        space: space of the study.
        vals: its hyperparameters.
        losses: loss of each objective, the first one first; empty for a trial that failed.
        source: names it for users.
    """
    ordered = list(losses.items())
    loss = ordered[0][1] if ordered else None
    event = _event(space, vals, "ok" if ordered else "fail", loss, [], source)
    # A training function returns the values of further objectives as they are, not as losses.
    event["result"] |= {each.name: each.value(value) for each, value in ordered[1:]}
    return {**event, "identity": identity(vals, loss)}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        with open_regular(path) as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise UserError(f"{shown(path)} is not a record of a trial: it is larger than {_MOST_BYTES:,} bytes.")
        record = json.loads(data)
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"{shown(path)} cannot be read as a record ({reason}).") from error
    if not isinstance(record, dict) or not isinstance(record.get("space"), dict):
        raise UserError(f"{shown(path)} is not a record of a trial: it has no key space.")
    try:
        check_record(record)
    except InvalidField as error:
        raise UserError(f"{shown(path)} is not a valid record: {error}") from error
    return record


def _epochs(record: Mapping[str, Any], heads: tuple[str, ...]) -> list[dict[str, float]]:
    """Return the history of a record by epoch, with today's names of metrics."""
    history = record.get("history") or {}
    if any(_OLD_NAME.fullmatch(name) for name in history):  # there, the loss is the total over both heads
        history = {_OLD_TOTALS.get(name, name): values for name, values in history.items()}
    columns = {_rename(name, heads): values for name, values in history.items() if name != "seconds"}
    rows = zip(*columns.values(), strict=False)
    epochs = [
        {name: float(value) for name, value in zip(columns, row, strict=True) if value is not None} for row in rows
    ]
    finite = [all(map(math.isfinite, epoch.values())) for epoch in epochs]
    return epochs[: finite.index(False)] if False in finite else epochs  # epochs after it diverged are ignored


def _rename(name: str, heads: tuple[str, ...]) -> str:
    """``val_fine_outputs_acc`` → ``val_accuracy`` where fine is the first head."""
    match = _OLD_NAME.fullmatch(name)
    if match is None:
        return name
    prefix, head, metric = match[1] or "", match[2], _OLD_METRIC[match[3]]
    first = head == heads[0] and prefix  # the training loss under its own name is the total, as it is today
    return f"{prefix}{metric}" if first else f"{prefix}{head}_{metric}"


def _require_objective(path: Path, metrics: list[dict[str, float]], seconds: list[float], objective: Objective) -> None:
    if objective.name == "convergence" and len(seconds) < len(metrics):
        raise NotAMeasure(f"{shown(path)} has no seconds, which the objective convergence needs.")
    spent = seconds[: len(metrics)] if len(seconds) >= len(metrics) else [0.0] * len(metrics)
    try:
        is_finite = all(map(math.isfinite, objective.losses(metrics, spent)))
    except (ValueError, OverflowError):  # the logarithm of a negative number
        is_finite = False
    except KeyError as error:
        raise NotAMeasure(
            f"{shown(path)} has no {error.args[0]}, which the objective {objective.name} needs."
        ) from None
    if not is_finite:
        raise NotAMeasure(f"{shown(path)} has values of which the objective {objective.name} has no finite value.")
