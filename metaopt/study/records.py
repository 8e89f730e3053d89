"""Records: one JSON file a trial, made from the journal, named so that sorting the names puts the best last."""

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from metaopt.study.files import Files
from metaopt.study.limits import Limit
from metaopt.study.objective import Objective
from metaopt.study.trials import Outcome, Trial, Trials

Record = dict[str, Any]

SCHEMA = 1
_NAME = re.compile(r"(?:(?:model|infeasible|imported)_\d\.\d{10}|failed)_(\d{6,})\.json")


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


def file_name(record: Record, objective: Objective) -> str:
    """The record's name: ``model_<score>_<trial>.json``, or what tells why it is none of the models."""
    trial = f"{record['trial']:06d}.json"
    if record["status"] == "fail" or record["loss"] is None:
        return f"failed_{trial}"
    score = f"{objective.score(record['loss']):.10f}"
    if record["imported"]:
        return f"imported_{score}_{trial}"
    return f"{'model' if record['feasible'] else 'infeasible'}_{score}_{trial}"


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


class RecordFolder:
    """The record files of a study's folder; each is written whole, and a trial never has two for long."""

    def __init__(self, folder: Path, files: Files):
        self._folder = folder
        self._files = files
        self._names = {trial: path.name for trial, path in record_files(folder)}

    def write(self, record: Record, objective: Objective) -> None:
        """Writes a record and removes the file that the trial had under another name."""
        name, old = file_name(record, objective), self._names.get(record["trial"])
        data = (json.dumps(record, indent=1, ensure_ascii=False, default=str) + "\n").encode()
        path = self._folder / name
        if old != name or path.read_bytes() != data:
            self._files.replace(path, data)
        if old is not None and old != name:
            self._files.remove(self._folder / old)
        self._names[record["trial"]] = name

    def restore(self, records: Sequence[Record], objective: Objective) -> None:
        """Makes the folder say exactly what the journal says, after a crash or under other limits."""
        trials = {record["trial"] for record in records}
        for trial, path in record_files(self._folder):
            if trial not in trials or self._names[trial] != path.name:
                self._files.remove(path)
        self._names = {trial: name for trial, name in self._names.items() if trial in trials}
        for record in records:
            self.write(record, objective)


def record_files(folder: Path) -> list[tuple[int, Path]]:
    """(trial, path) of every record in a folder; files that only look alike are a user's own."""
    matches = ((_NAME.fullmatch(path.name), path) for path in sorted(folder.glob("*.json")))
    return [(int(match[1]), path) for match, path in matches if match]


def records_of(trials: Trials, objective: Objective, limits: Sequence[Limit]) -> list[Record]:
    """The records of every trial that has ended or reached a rung, by number."""
    return [
        make_record(trial, trials.header, objective, limits)
        for trial in trials.trials
        if trial.status in ("ok", "fail") or trial.rungs
    ]
