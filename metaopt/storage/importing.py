"""Import of trials: records of metaopt or of its ancestor, and pickles of hyperopt's Trials.

They become events of the journal, marked as imported: a sampler learns from them, but none is ever the study's best.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from metaopt.commands import shown
from metaopt.errors import UserError
from metaopt.spaces import Space, Vals
from metaopt.storage.results_pickle import read_trials, vals_of
from metaopt.trials.constraints import is_number
from metaopt.trials.objective import Objective

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
        for doc in (doc for doc in read_trials(path).trials if doc["result"].get("status") in ("ok", "fail")):
            vals = space.restrict(vals_of(doc))
            result = doc["result"]
            yield _event(space, vals, result.get("status"), result.get("loss"), [], f"{shown(path)}, tid {doc['tid']}")
        return
    record = _read_json(path)
    if record.get("complete") is False:  # the result of its full training is unknown
        return
    try:
        vals = space.vals(record["space"], defaults=defaults)
    except UserError as error:
        raise UserError(f"{shown(path)}: {error}") from error
    metrics = _epochs(record, heads)
    seconds = (record.get("history") or {}).get("seconds") or []
    loss = None if record.get("history") else record.get("loss")
    _require_objective(path, metrics, seconds, objective)
    yield {**_event(space, vals, record.get("status"), loss, metrics, shown(path)), "seconds": seconds[: len(metrics)]}


def _event(
    space: Space, vals: Vals, status: Any, loss: Any, metrics: list[dict[str, float]], source: str
) -> dict[str, Any]:
    ok = status == "ok" and (is_number(loss) or bool(metrics))
    return {
        "source": source,
        "vals": dict(vals),
        "point": space.point(vals),
        "status": "ok" if ok else "fail",
        "epochs": len(metrics),
        "metrics": metrics,
        "result": {"loss": float(loss)} if ok and is_number(loss) else {},
    }


def _read_json(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{shown(path)} cannot be read as a record ({error}).") from error
    if not isinstance(record, dict) or not isinstance(record.get("space"), dict):
        raise UserError(f"{shown(path)} is not a record of a trial: it has no key space.")
    return record


def _epochs(record: Mapping[str, Any], heads: tuple[str, ...]) -> list[dict[str, float]]:
    """Return the history of a record by epoch, with today's names of metrics."""
    history = record.get("history") or {}
    if any(_OLD_NAME.fullmatch(name) for name in history):  # there, the loss is the total over both heads
        history = {_OLD_TOTALS.get(name, name): values for name, values in history.items()}
    columns = {_rename(name, heads): values for name, values in history.items() if name != "seconds"}
    epochs = [dict(zip(columns, map(float, row), strict=True)) for row in zip(*columns.values(), strict=False)]
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
    try:
        for epoch in metrics:
            objective.loss(epoch, 0.0)
    except KeyError as error:
        raise NotAMeasure(
            f"{shown(path)} has no {error.args[0]}, which the objective {objective.name} needs."
        ) from None
