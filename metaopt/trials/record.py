"""Records: the outcome of one trial with the keys that users and tools rely on (schema 1)."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from metaopt.trials.discard import Discard
from metaopt.trials.objective import Metrics, Objective, find_objective, scale_losses
from metaopt.trials.pareto import find_front, find_knee
from metaopt.trials.ranking import RANKING
from metaopt.trials.record_fields import check_record
from metaopt.trials.result import Judge, Result
from metaopt.trials.trial import Trial
from metaopt.trials.trial_decision import TrialDecision

SCHEMA = 1

# Attributes that are stored under their own names.
_SAME_KEYS = (
    *("trial", "parent", "status", "objective", "model_based", "imported", "vals", "epochs", "complete", "paused"),
    *("bracket", "history", "replicates", "params", "macs", "blueprint", "seconds", "ended", "seed", "device"),
    *("threads", "versions", "precision", "inherited", "source", "stretches", "model_bytes", "latency"),
    *("change", "mate", "fork", "repeats"),
)

_FORK_KEYS = ("trial", "epochs")


@dataclass(frozen=True)
class Record:
    """Outcome of one trial, as ``results/*.json`` holds it.

    ``record["loss"]``, ``record.get(…)`` and ``dict(record)`` read the JSON keys; see ``docs/results.md``.

    Attributes:
        trial: number of the trial.
        status: ``ok`` or ``fail``.
        objective: name of the objective, of several the first.
        objectives: texts of all objectives where there are several, see ``Objective.text``; else empty.
        result: the result that counts: the last one, or that of all epochs of a trial that failed.
        results: results at the rungs, ascending; that of a trial trained in one go is one.
        parent: number of the trial that it descends from, or None.
        model_based: whether a model of the sampler proposed it.
        imported: whether it was trained elsewhere.
        point: the hyperparameters, as ``space_eval`` returns them.
        vals: label → value of every active hyperparameter.
        epochs: number of epochs trained, those after the last rung included.
        complete: whether it was fully trained, be it at R or by early stopping.
        paused: whether it waits below R.
        bracket: its bracket, or None.
        history: metric → a value per epoch (None where it is missing), with ``seconds``.
        replicates: objective of each fold at the best epoch; empty without folds.
        repeats: number of repeats of the folds.
        discard: how a race over folds ended it after its first folds, or None. Its loss is then an estimate.
        params: number of parameters, or None.
        macs: multiply-accumulates of one image, or None.
        blueprint: structural hash with its version, or None.
        seconds: wall seconds of all its jobs.
        ended: seconds of search when it last came to rest, or None.
        seed: the study's seed.
        device: the processor or GPU that it was trained on.
        threads: CPU threads.
        versions: versions of Python and packages.
        precision: Keras' dtype policy and default float type, ``policy`` and ``floatx``; or None.
        inherited: weights transferred from a parent: ``trial``, ``layers``, ``of``; or None.
        source: file that it was imported from, or None.
        model_bytes: bytes of the exported model; None where it was not measured.
        latency: milliseconds of the inference of one image, ``median_ms``, ``low_ms`` and ``high_ms`` (10 % and 90 %
            quantiles of ``runs`` runs) with ``threads`` CPU threads; None where it was not measured.
        stretches: first epoch and environment of each stretch, where more than one environment trained it; else empty.
        decisions: decisions on it that a strategy gave figures for, in their order; empty for most strategies.
        change: what differs from the trial that it was forked from, in words; empty for most trials.
        mate: number of the second trial of a fork whose weights are the mean of two, or None.
        fork: ``trial`` and ``epochs`` that it was forked from, and the same of its ``mate``; None for most trials.
        returned: further keys that a user's own training returned.
        failure: ``cause``, ``error`` and ``traceback``; empty for other trials.
    """

    trial: int
    status: str
    objective: str
    result: Result = field(default_factory=Result)
    results: tuple[Result, ...] = ()
    parent: int | None = None
    model_based: bool = False
    imported: bool = False
    point: Any = None
    vals: Mapping[str, Any] = field(default_factory=dict)
    epochs: int = 0
    complete: bool = True
    paused: bool = False
    bracket: int | None = None
    history: Mapping[str, list[Any]] = field(default_factory=dict)
    replicates: Sequence[float] = ()
    params: int | None = None
    macs: int | None = None
    blueprint: Any = None
    seconds: float = 0.0
    ended: float | None = None
    seed: int = 0
    device: str | None = None
    threads: int | None = None
    versions: Mapping[str, str] | None = None
    precision: Mapping[str, str] | None = None
    inherited: Mapping[str, Any] | None = None
    source: str | None = None
    model_bytes: int | None = None
    latency: Mapping[str, Any] | None = None
    stretches: Sequence[Mapping[str, Any]] = ()
    decisions: Sequence[TrialDecision] = ()
    objectives: tuple[str, ...] = ()
    change: str = ""
    mate: int | None = None
    fork: Mapping[str, Any] | None = None
    repeats: int = 1
    discard: Discard | None = None
    returned: Mapping[str, Any] = field(default_factory=dict)
    failure: Mapping[str, str] = field(default_factory=dict)

    @property
    def loss(self) -> float | None:
        """Value of the objective, to be minimised; None where there is none."""
        return self.result.loss

    @property
    def best_epoch(self) -> int | None:
        """Best epoch, from 1; None where the training reported no epochs."""
        return self.result.best_epoch

    @property
    def constraints(self) -> Mapping[str, float]:
        """Constraint as text → signed distance."""
        return self.result.constraints

    @property
    def violation(self) -> float:
        """Sum of relative violations."""
        return self.result.violation

    @property
    def is_feasible(self) -> bool:
        """Whether it did not fail and meets every constraint."""
        return self.result.is_feasible and self.status != "fail"

    @property
    def has_loss(self) -> bool:
        """Whether the trial succeeded with a finite loss of each objective, feasible or not."""
        return self.status == "ok" and self.result.has_loss

    @property
    def is_eligible(self) -> bool:
        """Whether the trial may be the study's best: it has a loss of all folds, is feasible and was trained here."""
        return self.has_loss and self.is_feasible and not self.imported and self.discard is None

    @property
    def error(self) -> str | None:
        """The error message of a failed trial, or None."""
        return self.failure.get("error")

    @property
    def resource(self) -> int:
        """Largest resource that the trial was trained to."""
        return self.results[-1].resource if self.results else self.epochs

    def metrics(self, epoch: int) -> Metrics:
        """Return the metrics of an epoch, from 1, without its seconds."""
        values = {name: column[epoch - 1] for name, column in self.history.items() if name != "seconds"}
        return {name: value for name, value in values.items() if value is not None}

    @cached_property
    def _json(self) -> dict[str, Any]:
        return self.to_json()

    def to_json(self) -> dict[str, Any]:
        """Return the record with its stored keys, in their stored order."""
        record: dict[str, Any] = {
            "schema": SCHEMA,
            "trial": self.trial,
            "parent": self.parent,
            "status": self.status,
            "loss": self.loss,
            "objective": self.objective,
            "model_based": self.model_based,
            "imported": self.imported,
            "space": self.point,
            "vals": dict(self.vals),
            "epochs": self.epochs,
            "complete": self.complete,
            "paused": self.paused,
            "bracket": self.bracket,
            "rungs": [[result.resource, result.epochs] for result in self.results],
            "visits": [_visit(result) for result in self.results],
            "history": dict(self.history),
            "scores": self._scores(),
            "best_epoch": self.best_epoch,
            "replicates": list(self.replicates),
            "params": self.params,
            "macs": self.macs,
            "blueprint": self.blueprint,
            "constraints": dict(self.constraints),
            "violation": self.violation,
            "feasible": self.is_feasible,
            "seconds": self.seconds,
            "ended": self.ended,
            "seed": self.seed,
            "device": self.device,
            "threads": self.threads,
            "versions": None if self.versions is None else dict(self.versions),
        }
        if self.objectives:
            values = self.result.values or [None] * len(self.objectives)
            record["losses"] = dict(zip(self.objectives, values, strict=True))
        if self.precision:
            record["precision"] = dict(self.precision)
        if self.inherited:
            record["inherited"] = dict(self.inherited)
        if self.model_bytes is not None:
            record["model_bytes"] = self.model_bytes
        if self.latency:
            record["latency"] = dict(self.latency)
        if self.imported:
            record["source"] = self.source
        if self.stretches:
            record["stretches"] = [dict(stretch) for stretch in self.stretches]
        if self.decisions:
            record["decisions"] = [decision.to_json() for decision in self.decisions]
        if self.change:
            record["change"] = self.change
        if self.mate is not None:
            record["mate"] = self.mate
        if self.fork is not None:
            record["fork"] = dict(self.fork)
        if self.repeats > 1:
            record["repeats"] = self.repeats
        if self.discard is not None:
            record["discarded"] = self.discard.to_json()
        if self.returned:
            record["result"] = dict(self.returned)
        return record | dict(self.failure)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "Record":
        """Read a stored record, also one of other hands; the counterpart of ``to_json``.

        A record keeps only of its last result by how much a constraint is violated: the violation of an infeasible
        earlier one is infinite.

        Raises:
            InvalidField: A field has another type than records have.
        """
        check_record(record)
        losses = record.get("losses")
        visits = tuple(_result(visit) for visit in record.get("visits") or ())
        result = Result(
            resource=visits[-1].resource if visits else record.get("epochs", 0),
            epochs=record.get("epochs", 0),
            values=_values(record),
            best_epoch=record.get("best_epoch"),
            constraints=record.get("constraints") or {},
            violation=record.get("violation", 0.0),
            seconds=record.get("seconds", 0.0),
            clock=record.get("ended") or 0.0,
            total_epochs=visits[-1].total_epochs if visits else 0,
        )
        known = {name: record[name] for name in _SAME_KEYS if name in record}
        failure = {name: record[name] for name in ("cause", "error", "traceback") if name in record}
        returned = record.get("result") or {}
        point = record.get("space")
        decisions = tuple(map(TrialDecision.from_json, record.get("decisions") or ()))
        discarded = record.get("discarded")
        return cls(
            **known,
            point=point,
            result=result,
            results=visits,
            decisions=decisions,
            discard=None if discarded is None else Discard.from_json(discarded),
            objectives=tuple(losses or ()),
            returned=returned,
            failure=failure,
        )

    def _scores(self) -> dict[str, Metrics]:
        length = len(next(iter(self.history.values()), ()))
        if not length:
            return {}
        return {"best": self.metrics(self.best_epoch or length), "end": self.metrics(length)}

    def __getitem__(self, key: str) -> Any:
        return self._json[key]

    def __contains__(self, key: object) -> bool:
        return key in self._json

    def __iter__(self) -> Iterator[str]:
        return iter(self._json)

    def keys(self) -> Any:
        """Return the stored keys."""
        return self._json.keys()

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a stored key, or a default."""
        return self._json.get(key, default)


def _values(stored: Mapping[str, Any]) -> tuple[float, ...]:
    """Return the values in a record or a visit; none where one is missing or was not finite."""
    losses = stored.get("losses")
    several = list(losses.values()) if isinstance(losses, Mapping) else losses
    values = several or [stored.get("loss")]
    return () if None in values else tuple(values)


def _visit(result: Result) -> dict[str, Any]:
    visit: dict[str, Any] = {
        "to": result.resource,
        "epochs": result.epochs,
        "loss": result.loss,
        "feasible": result.is_feasible,
        "ended": result.clock,
        "spent": result.total_epochs,
    }
    return visit if len(result.values) < 2 else {**visit, "losses": list(result.values)}


def _result(visit: Mapping[str, Any]) -> Result:
    return Result(
        resource=visit["to"],
        epochs=visit["epochs"],
        values=_values(visit),
        violation=0.0 if visit["feasible"] else math.inf,
        clock=visit["ended"],
        total_epochs=visit["spent"],
    )


def make_record(trial: Trial, seed: int, judge: Judge, repeats: int = 1) -> Record:
    """Return the record of a trial.

    Args:
        trial: a trial that has ended, is paused, or goes on after a pause; of the latter its last result counts.
        seed: the study's seed.
        judge: of the study's objective and constraints.
        repeats: number of repeats of the study's folds.
    """
    result = trial.latest(judge)
    extra = {key: value for key, value in trial.returned.items() if key not in ("loss", "status", "epochs")}
    return Record(
        trial=trial.number,
        parent=trial.vals.parent,
        status="fail" if trial.status == "fail" else "ok",
        objective=judge.objective.text,
        result=result,
        results=tuple(trial.results),
        model_based=trial.vals.model_based,
        imported=trial.imported,
        point=trial.point,
        vals=dict(trial.vals),
        epochs=trial.epochs,
        complete=trial.complete,
        paused=trial.status == "paused",
        bracket=trial.bracket,
        history=_history(trial),
        replicates=_replicates(trial, result.best_epoch, judge.objective),
        params=trial.counts.get("params"),  # type: ignore[arg-type]
        macs=trial.counts.get("macs"),  # type: ignore[arg-type]
        blueprint=trial.proposal.get("blueprint"),
        seconds=round(trial.wall_seconds, 3),
        ended=trial.ended,
        seed=seed,
        device=trial.info.get("device"),
        threads=trial.info.get("threads"),
        versions=trial.info.get("versions"),
        precision=trial.info.get("precision"),
        inherited=trial.info.get("inherited") or None,
        model_bytes=trial.counts.get("model_bytes"),  # type: ignore[arg-type]
        latency=trial.latency,
        stretches=_stretches(trial),
        decisions=tuple(trial.decisions),
        objectives=tuple([each.text for each in judge.objectives]) if len(judge.objectives) > 1 else (),
        source=trial.info.get("source") if trial.imported else None,
        change=trial.change,
        mate=None if trial.mate is None else trial.mate[0],
        fork=_fork(trial),
        repeats=repeats,
        discard=trial.discard,
        returned=extra,
        failure=trial.failure,
    )


def _fork(trial: Trial) -> dict[str, Any] | None:
    """Return what a trial was forked from, as its event in the journal holds it."""
    if trial.forked_from is None:
        return None
    source = dict(zip(_FORK_KEYS, trial.forked_from, strict=True))
    return source if trial.mate is None else {**source, "mate": dict(zip(_FORK_KEYS, trial.mate, strict=True))}


def _stretches(trial: Trial) -> list[dict[str, Any]]:
    """Return the environments that trained a trial; none where it was one."""
    if len(trial.stretches) < 2:
        return []
    return [{"from_epoch": first, **environment} for first, environment in trial.stretches]


def _history(trial: Trial) -> dict[str, list[Any]]:
    names = dict.fromkeys(name for metrics in trial.metrics for name in metrics)
    history: dict[str, list[Any]] = {name: [metrics.get(name) for metrics in trial.metrics] for name in names}
    return {**history, "seconds": trial.seconds} if history else {}


def _replicates(trial: Trial, best_epoch: int | None, objective: Objective) -> list[float]:
    if best_epoch is None or len(trial.replicates) < best_epoch:
        return []
    if not all(trial.replicates[best_epoch - 1]):  # they were lost with a damaged journal
        return []
    seconds = sum(trial.seconds[:best_epoch])
    return [objective.value(objective.loss(metrics, seconds)) for metrics in trial.replicates[best_epoch - 1]]


def best_record(records: Sequence[Record]) -> Record | None:
    """Return the best feasible record, never an imported one; of two equals the later, as the files sort.

    Of an objective that is taken at the last epoch, only the trials of the largest resource compare.
    """
    candidates = _comparable([record for record in records if _may_be_shown(record) and record.is_feasible])
    return min(candidates, key=lambda record: (RANKING.key(record.result), -record.trial), default=None)


def front_records(records: Sequence[Record]) -> list[Record]:
    """Return the feasible records that no other one dominates, the best by the first objective first.

    Imported ones never count. With one objective it is the best record. Of records with equal values, one counts.
    """
    if not any(record.objectives for record in records):
        best = best_record(records)
        return [] if best is None else [best]
    eligible = [record for record in records if record.is_eligible]
    values = np.array([record.result.values for record in eligible])
    return [eligible[index] for index in find_front(values)] if eligible else []


def knee_record(front: Sequence[Record]) -> Record | None:
    """Return the knee of a front, see ``find_knee``, with counts by their logarithm; None for an empty one."""
    if not front:
        return None
    objectives = [find_objective(text) for text in front[0].objectives or (front[0].objective,)]
    return front[find_knee(scale_losses(np.array([record.result.values for record in front]), objectives))]


def best_imported_record(records: Sequence[Record]) -> Record | None:
    """Return the best feasible imported record, to show where a study has no trial of its own."""
    candidates = (record for record in records if record.imported and record.has_loss and record.is_feasible)
    return min(candidates, key=lambda record: (RANKING.key(record.result), record.trial), default=None)


def nearest_record(records: Sequence[Record]) -> Record | None:
    """Return the record with the smallest violation, to show where none is feasible."""
    candidates = (record for record in records if _may_be_shown(record))
    return min(candidates, key=lambda record: (record.violation, record.result.values, record.trial), default=None)


def _comparable(records: Sequence[Record]) -> list[Record]:
    """Return the records whose values compare: all, or of an objective at the last epoch the longest trainings."""
    if not records or not objective_of(records[0]).last_epoch_only:
        return list(records)
    resource = max(record.resource for record in records)
    return [record for record in records if record.resource == resource]


def _may_be_shown(record: Record) -> bool:
    loss = record.loss
    is_whole = record.status == "ok" and not record.imported and record.discard is None
    return is_whole and loss is not None and not math.isnan(loss)


def objective_of(record: Record) -> Objective:
    """Return the objective of a record."""
    return find_objective(record.objective)
