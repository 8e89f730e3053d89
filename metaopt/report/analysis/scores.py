"""What a list of records says about how good its trials are.

A record is the dict of one ``results/*.json``. Scores are in the user's sense: an accuracy is an accuracy, a loss a
loss.
"""

import math
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from metaopt.errors import UserError
from metaopt.trials.constraints import Constraint, parse_constraint
from metaopt.trials.objective import OBJECTIVES, Objective
from metaopt.trials.record import Record

_AXIS_LABELS = {
    "val_accuracy": "validation accuracy",
    "val_loss": "validation loss",
    "val_top3": "validation top-3 accuracy",
    "val_precision": "validation precision (macro)",
    "convergence": "convergence (small is quick and good)",
}


def describe(best: Record, results: Path) -> str:
    """What a search says at its end: the best trial, and how to go on."""
    metric, value = describe_metric(best["objective"]), OBJECTIVES[best["objective"]].value(best["loss"])
    epoch = f" at epoch {best['best_epoch']} of {best['epochs']}" if best.get("best_epoch") else ""
    folder = "" if str(results) == "results" else f" --results {shlex.quote(str(results))}"
    return (
        f"best {metric} {value:.4f}, by trial {best['trial']}{epoch}. Being the best of many on the images that chose"
        f" it, it is optimistic;\n`python -m metaopt retrain{folder}` trains it on all training images and measures it"
        f" once on the test images.\nSee also `python -m metaopt best{folder}` and `python -m metaopt report{folder}`."
    )


def objective_of(records: Iterable[Record]) -> Objective:
    """The objective of a study by its records; ``val_accuracy`` where none names one."""
    for record in records:
        if record.get("objective") in OBJECTIVES:
            return OBJECTIVES[record["objective"]]
    return OBJECTIVES["val_accuracy"]


def describe_metric(name: str) -> str:
    """A metric's name for an axis, e.g. ``validation accuracy``."""
    return _AXIS_LABELS.get(name, name.replace("_", " "))


def succeeded(record: Record) -> bool:
    """Whether the trial has a finite loss, be it within the limits or not."""
    loss = record.get("loss")
    return record.get("status") == "ok" and loss is not None and math.isfinite(loss)


def feasible(record: Record) -> bool:
    """Whether the trial keeps every limit; imported records may not say."""
    return bool(record.get("feasible", True))


def eligible(record: Record) -> bool:
    """Whether the trial may be the study's best: it succeeded, keeps the limits and was trained here."""
    return succeeded(record) and feasible(record) and not record.get("imported")


def limits_of(records: Iterable[Record]) -> list[Constraint]:
    """The limits that the records were judged by."""
    limits = []
    for text in dict.fromkeys(text for record in records for text in record.get("constraints") or {}):
        try:
            limits.append(parse_constraint(text))
        except UserError:  # written by another version; the picture is worth having without it
            continue
    return limits


def best_so_far(records: Sequence[Record]) -> list[float | None]:
    """After each record in the given order, the smallest loss of the eligible ones up to it; None before the first."""
    smallest: float | None = None
    losses = []
    for record in records:
        if eligible(record) and (smallest is None or record["loss"] < smallest):
            smallest = record["loss"]
        losses.append(smallest)
    return losses


def absence(records: Sequence[Record]) -> str | None:
    """Why there is nothing to draw, one sentence; None where a trial succeeded."""
    if not records:
        return "No trial has ended yet."
    if any(map(succeeded, records)):
        return None
    errors = [record["error"] for record in records if record.get("error")]
    why = f"; the last one: {errors[-1]}" if errors else ""
    return f"None of {len(records)} trials succeeded{why}" if why else f"None of {len(records)} trials succeeded."
