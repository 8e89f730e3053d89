"""Journal events rebuilt from the records of trials, for a journal that was lost or cut."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from metaopt.storage.journal_lines import Event
from metaopt.trials.record import Record, objective_of
from metaopt.trials.result import Result
from metaopt.trials.trial import Trial

_ENDS = ("paused", "ended")

LOST = "lost"
"""Reason of rejection of a trial that is known by its number only."""


Rebuilt = tuple[float, list[Event]]
"""The events of a job, and the seconds of search when it ended."""


def lost_trial(number: int) -> list[Event]:
    """Return the events of a trial of which nothing is known; its number stays used."""
    rejected = {"event": "rejected", "trial": number, "reason": LOST, "detail": "Its events are lost."}
    return [rebuilt_proposal(number, Record(number, "fail", "")), rejected]


def rebuilt_proposal(number: int, record: Record) -> Event:
    """Return the event that starts a trial. Its signature, and in records of earlier versions a fork, are missing."""
    network = {name: getattr(record, name) for name in ("params", "macs", "blueprint")}
    losses = dict(zip(record.objectives, record.result.values, strict=False))
    network["memory"] = losses.get("memory")  # a record holds it as an objective only
    first = record.results[0].resource if record.results else record.epochs
    return {
        "event": "proposed",
        "trial": number,
        "vals": dict(record.vals),
        "point": record.point,
        "to": first or 1,
        "bracket": record.bracket,
        "model_based": record.model_based,
        "parent": record.parent,
        "network": {name: value for name, value in network.items() if value is not None},
        "rejected": {},
        **({"change": record.change} if record.change else {}),
        **({"fork": dict(record.fork)} if record.fork else {}),
    }


def rebuilt_import(record: Record) -> Event:
    """Return the event that imports a trial."""
    metrics = [record.metrics(epoch) for epoch in range(1, record.epochs + 1)] if record.history else []
    loss = {} if record.history or record.loss is None else {"loss": record.loss}
    return {
        "event": "imported",
        "source": record.source or "",
        "vals": dict(record.vals),
        "point": record.point,
        "status": record.status,
        "epochs": record.epochs,
        "metrics": metrics,
        "seconds": list(record.history.get("seconds", [])),
        "result": {**record.returned, **loss},
    }


def rebuilt_jobs(record: Record, known: Trial | None, details: Iterable[Event] = ()) -> Iterator[Rebuilt]:
    """Yield the jobs of a trial that a journal lacks: epochs, and the pause or end.

    Args:
        record: the record.
        known: the trial as the journal has it, or None.
        details: events of the trial that are known, which hold more than the record.
    """
    # A record does not tell when a job began.
    keys = {"epoch": "epoch", "continued": "to", "paused": "clock", "ended": "clock"}
    found = {(event["event"], event.get(keys.get(event["event"], ""))): event for event in details}

    def known_or(event: Event) -> Event:
        return found.get((event["event"], event.get(keys.get(event["event"], ""))), event)

    copied = int(record.fork["epochs"]) if record.fork else 0
    trained, n_known = (copied, 0) if known is None else (known.epochs, len(known.results))
    seconds = [float(each) for each in record.history.get("seconds", [])]
    stops = [*record.results]
    if record.status == "fail" or not stops:
        stops.append(Result(resource=record.epochs, epochs=record.epochs, clock=record.ended or 0.0))
    if known is not None and known.status == "paused" and n_known == len(stops):  # it was then ended
        yield record.ended or 0.0, [known_or({"event": "stopped", "trial": record.trial})]
    durations = _durations(
        record, known, stops, {clock: event for (kind, clock), event in found.items() if kind in _ENDS}
    )
    for place, stop in enumerate(stops):
        is_last = place == len(stops) - 1
        job: list[Event] = []
        if place:
            job.append({"event": "continued", "trial": record.trial, "to": stop.resource})
        if seconds:
            last = record.epochs if is_last else stop.epochs
            for epoch in range(trained + 1, last + 1):
                job.append(_epoch(record, epoch, seconds[epoch - 1]))
            trained = max(trained, last)
        if place < n_known:
            continue
        clock = _ended(record, stop, is_last)
        common = {"trial": record.trial, "seconds": durations[place], "info": _info(record)}
        job += [{**event, "clock": clock} for event in _end(record, stop, common, is_last=is_last)]
        if is_last and job[-1].get("status") == "ok" and ("paused", clock) in found:  # and it was stopped there later
            job[-1:] = [found["paused", clock], {"event": "stopped", "trial": record.trial}]
        yield clock, [known_or(event) for event in job]


def _ended(record: Record, stop: Result, is_last: bool) -> float:
    """Return the seconds of search when a job ended."""
    return stop.clock if stop.clock or not is_last else record.ended or 0.0


def _durations(
    record: Record, known: Trial | None, stops: Sequence[Result], ends: Mapping[Any, Event]
) -> dict[int, float]:
    """Return the wall seconds of each job that the journal lacks, by place; a record holds their sum only.

    A job is taken to last as long as its epochs, and the last one takes what is left.
    """
    epochs = [float(each) for each in record.history.get("seconds", [])]
    left = record.seconds - (0.0 if known is None else known.wall_seconds)
    first = 0 if known is None else len(known.results)
    unknown = []
    for place in range(first, len(stops)):
        end = ends.get(_ended(record, stops[place], place == len(stops) - 1))
        if end is None:
            unknown.append(place)
        else:
            left -= end["seconds"]
    durations = dict.fromkeys(range(len(stops)), 0.0)
    for place in unknown:
        begun = stops[place - 1].epochs if place else 0
        duration = left if place == unknown[-1] else min(left, sum(epochs[begun : stops[place].epochs]))
        durations[place] = max(0.0, round(duration, 3))
        left -= durations[place]
    return durations


def _end(record: Record, stop: Result, common: dict[str, Any], *, is_last: bool) -> list[Event]:
    """Return the events with which a trial came to rest."""
    if is_last and record.status == "fail":
        failure = dict(record.failure) or {"cause": "unknown", "error": "", "traceback": ""}
        return [{"event": "ended", "status": "fail", "failure": failure, **common}]
    returned: dict[str, Any] = {}
    if not record.history:
        loss = record.loss if is_last else stop.loss
        returned = {**({} if loss is None else {"loss": loss}), **({"epochs": stop.epochs} if stop.epochs else {})}
    result = {"result": {**record.returned, **returned}}
    paused = {"event": "paused", **common, **result}
    if not is_last or record.paused:
        return [paused]
    if not record.complete and stop.resource > stop.epochs:  # it waited at a rung and was then ended
        return [paused, {"event": "stopped", "trial": record.trial}]
    discarded = {} if record.discard is None else {"discarded": record.discard.to_json()}
    return [{"event": "ended", "status": "ok", "complete": record.complete, **common, **result, **discarded}]


def _epoch(record: Record, epoch: int, seconds: float) -> Event:
    metrics = record.metrics(epoch)
    event = {"event": "epoch", "trial": record.trial, "epoch": epoch, "metrics": metrics, "seconds": seconds}
    return {**event, "replicates": _folds(record, epoch)} if record.replicates else event


def _folds(record: Record, epoch: int) -> list[dict[str, float]]:
    """Return the metrics of each fold: a record holds the objective at the best epoch, and no others."""
    name = objective_of(record).name
    is_known = epoch == record.best_epoch and name in record.history
    return [{name: value} if is_known else {} for value in record.replicates]


def _info(record: Record) -> dict[str, Any]:
    names = ("device", "threads", "versions", "inherited", "model_bytes", "latency")
    found = {name: getattr(record, name) for name in names}
    return {
        name: dict(value) if name in ("versions", "latency") else value
        for name, value in found.items()
        if value is not None
    }
