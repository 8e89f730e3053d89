"""Journal events rebuilt from the records of trials, for a journal that was lost or cut."""

from collections.abc import Iterator, Sequence
from typing import Any

from metaopt.storage.journal import Event
from metaopt.trials.record import Record
from metaopt.trials.result import Result
from metaopt.trials.trial import Trial

LOST = "lost"
"""Reason of rejection of a trial that is known by its number only."""


def rebuilt_events(records: Sequence[Record], known: Sequence[Trial]) -> list[Event]:
    """Return the events that lead from the trials of a journal to those of the records.

    A trial without a record that the journal does not know either becomes a rejected one, so that its number stays
    used. Not recorded, and therefore lost, are the metrics of each fold and the signatures by which duplicates are
    found.

    Args:
        records: of the trials that the journal lacks, or knows only as running; by number, at most one each.
        known: the trials that the journal has.
    """
    by_trial = {record.trial: record for record in records}
    events: list[Event] = []
    for number in range(len(known), max(by_trial, default=-1) + 1):
        record = by_trial.get(number)
        if record is None:
            events += [_proposed(number, Record(number, "fail", "")), _rejected(number)]
        else:
            events.append(_imported(record) if record.imported else _proposed(number, record))
    jobs = []
    for number, record in by_trial.items():
        if not record.imported:
            jobs += list(_jobs(record, known[number] if number < len(known) else None))
    jobs.sort(key=lambda job: job[0])  # trials came to rest in this order
    return events + [event for _, job in jobs for event in job]


def _proposed(number: int, record: Record) -> Event:
    network = {name: getattr(record, name) for name in ("params", "macs", "blueprint")}
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
    }


def _rejected(number: int) -> Event:
    return {"event": "rejected", "trial": number, "reason": LOST, "detail": "Its events are lost."}


def _imported(record: Record) -> Event:
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


def _jobs(record: Record, known: Trial | None) -> Iterator[tuple[float, list[Event]]]:
    """Yield the jobs of a trial that the journal lacks, each with the time when it ended: its epochs, its pause or end.

    Args:
        record: the record.
        known: the trial as the journal has it, or None.
    """
    trained, n_known = (0, 0) if known is None else (known.epochs, len(known.results))
    seconds = [float(each) for each in record.history.get("seconds", [])]
    stops = [*record.results]
    if record.status == "fail" or not stops:
        stops.append(Result(resource=record.epochs, epochs=record.epochs, clock=record.ended or 0.0))
    if known is not None and known.status == "paused" and n_known == len(stops):  # it was then ended
        yield record.ended or 0.0, [{"event": "stopped", "trial": record.trial}]
    spent = 0.0
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
        until = record.seconds if is_last else min(record.seconds, round(sum(seconds[: stop.epochs]), 3))
        common = {"trial": record.trial, "seconds": max(0.0, round(until - spent, 3)), "info": _info(record)}
        spent = max(spent, until)
        if place < n_known:
            continue
        clock = stop.clock if stop.clock or not is_last else record.ended or 0.0
        job += _end(record, stop, common, is_last=is_last)
        yield clock, [{**event, "clock": clock} for event in job]


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
    return [{"event": "ended", "status": "ok", "complete": record.complete, **common, **result}]


def _epoch(record: Record, epoch: int, seconds: float) -> Event:
    metrics = record.metrics(epoch)
    return {"event": "epoch", "trial": record.trial, "epoch": epoch, "metrics": metrics, "seconds": seconds}


def _info(record: Record) -> dict[str, Any]:
    found = {name: getattr(record, name) for name in ("device", "threads", "versions", "inherited")}
    return {name: dict(value) if name == "versions" else value for name, value in found.items() if value is not None}
