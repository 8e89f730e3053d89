"""Records: one JSON file a trial, made from the journal, named so that sorting the names puts the best last."""

import math
from collections.abc import Sequence
from typing import Any

from metaopt.trials.constraints import Limit
from metaopt.trials.objective import Objective
from metaopt.trials.trial import Outcome, Trial

Record = dict[str, Any]

SCHEMA = 1


def make_record(trial: Trial, study: dict[str, Any], objective: Objective, limits: Sequence[Limit]) -> Record:
    """The record of a trial, with the keys that users and tools rely on.

    Args:
        trial: a trial that has ended, is paused, or goes on after a pause; of the latter its last rung counts.
        study: the study's header, for its seed.
        objective: names the loss.
        limits: the limits in force.
    """
    outcome = trial.outcome(objective, limits, trial.rungs[-1] if trial.status == "running" else None)
    record: Record = {
        "schema": SCHEMA,
        "trial": trial.number,
        "parent": trial.vals.parent,
        "status": "fail" if trial.status == "fail" else "ok",
        "loss": outcome.loss,
        "objective": objective.name,
        "model_based": trial.vals.model_based,
        "imported": trial.imported,
        "space": trial.point,
        "vals": dict(trial.vals),
        "epochs": trial.epochs,
        "complete": trial.complete,
        "paused": trial.status == "paused",
        "bracket": trial.bracket,
        "rungs": [[rung.to, rung.epochs] for rung in trial.rungs],
        "visits": _visits(trial, objective, limits, outcome),
        "history": _history(trial),
        "scores": _scores(trial, outcome),
        "best_epoch": outcome.best_epoch,
        "replicates": _replicates(trial, outcome, objective),
        "params": trial.counts.get("params"),
        "macs": trial.counts.get("macs"),
        "blueprint": trial.proposal.get("blueprint"),
        "constraints": outcome.distances,
        "violation": outcome.violation,
        "feasible": outcome.feasible and trial.status != "fail",
        "seconds": round(trial.spent, 3),
        "ended": trial.ended,
        "seed": study.get("seed", 0),
        **{key: trial.info.get(key) for key in ("device", "threads", "versions")},
    }
    if inherited := trial.info.get("inherited"):
        record["inherited"] = inherited
    if trial.imported:
        record["source"] = trial.info.get("source")
    if extra := {key: value for key, value in trial.result.items() if key not in ("loss", "status", "epochs")}:
        record["result"] = extra
    if trial.failure:
        record |= trial.failure
    return record


def _history(trial: Trial) -> dict[str, list[float]]:
    names = dict.fromkeys(name for metrics in trial.metrics for name in metrics)
    history = {name: [metrics.get(name) for metrics in trial.metrics] for name in names}
    return {**history, "seconds": trial.seconds} if history else {}  # type: ignore[dict-item]


def _visits(trial: Trial, objective: Objective, limits: Sequence[Limit], last: Outcome) -> list[dict[str, Any]]:
    """How good the trial was at each rung, and when it was there; ``last`` is its outcome at the last one."""
    visits = []
    for rung in trial.rungs:
        outcome = last if rung is trial.rungs[-1] else trial.outcome(objective, limits, rung)
        visits.append(
            {
                "to": rung.to,
                "epochs": rung.epochs,
                "loss": outcome.loss,
                "feasible": outcome.feasible,
                "ended": rung.clock,
                "spent": rung.spent,
            }
        )
    return visits


def _scores(trial: Trial, outcome: Outcome) -> dict[str, dict[str, float]]:
    if not trial.metrics:
        return {}
    best = trial.metrics[(outcome.best_epoch or len(trial.metrics)) - 1]
    return {"best": best, "end": trial.metrics[-1]}


def _replicates(trial: Trial, outcome: Outcome, objective: Objective) -> list[float]:
    """The objective's value of each fold at the best epoch."""
    best = outcome.best_epoch
    if best is None or len(trial.replicates) < best:
        return []
    spent = sum(trial.seconds[:best])
    return [objective.value(objective.loss(metrics, spent)) for metrics in trial.replicates[best - 1]]


def best_record(records: Sequence[Record]) -> Record | None:
    """The feasible record with the smallest loss, never an imported one; of two equals the later, as the files sort."""
    candidates = (record for record in records if _counts(record) and record["feasible"])
    return min(candidates, key=lambda record: (record["loss"], -record["trial"]), default=None)


def nearest_record(records: Sequence[Record]) -> Record | None:
    """The record that misses the limits by least: what is shown where none keeps them."""
    return min((r for r in records if _counts(r)), key=lambda r: (r["violation"], r["loss"], r["trial"]), default=None)


def _counts(record: Record) -> bool:
    return (
        record["status"] == "ok"
        and not record["imported"]
        and record["loss"] is not None
        and not math.isnan(record["loss"])
    )
