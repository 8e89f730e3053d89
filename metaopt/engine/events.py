"""Journal events of a search: what a report or a decision adds to the journal."""

from collections.abc import Iterable
from typing import Any

from metaopt.engine.jobs import Epoch, Failed, Finished
from metaopt.engine.proposer import Accepted
from metaopt.schedulers import Continue, Fork, Start, Stop
from metaopt.values.json_values import to_json_value

Event = dict[str, Any]


def proposed(number: int, decision: Start | Fork, accepted: Accepted) -> Event:
    """Return the event of a new trial.

    Args:
        number: number of the trial.
        decision: tells its target resource and bracket.
        accepted: the proposal that passed the guard.
    """
    return {
        "event": "proposed",
        "trial": number,
        "vals": dict(accepted.vals),
        "point": to_json_value(accepted.point),
        "to": decision.target_resource,
        "bracket": decision.bracket,
        "model_based": accepted.vals.model_based,
        "parent": accepted.vals.parent,
        "network": accepted.network,
        "rejected": accepted.rejected,
        **_reason(decision),
    }


def continued(decision: Continue) -> Event:
    """Return the event of a paused trial that resumes."""
    return {"event": "continued", "trial": decision.trial, "to": decision.target_resource, **_reason(decision)}


def stopped(decision: Stop) -> Event:
    """Return the event of a paused trial that is never resumed."""
    return {"event": "stopped", "trial": decision.trial, **_reason(decision)}


def epoch_trained(report: Epoch) -> Event:
    """Return the event of an epoch."""
    event = {
        "event": "epoch",
        "trial": report.trial,
        "epoch": report.epoch,
        "metrics": report.metrics,
        "seconds": round(report.seconds, 4),
    }
    return {**event, "replicates": list(report.replicates)} if report.replicates else event


def failed(report: Failed) -> Event:
    """Return the event of a trial that failed."""
    failure = {"cause": report.cause, "error": report.error, "traceback": report.traceback}
    seconds = round(report.seconds, 3)
    return {"trial": report.trial, "event": "ended", "status": "fail", "seconds": seconds, "failure": failure}


def paused(report: Finished) -> Event:
    """Return the event of a trial that pauses at a rung."""
    return {"trial": report.trial, "event": "paused", **_facts(report)}


def ended(report: Finished, *, complete: bool) -> Event:
    """Return the event of a trial that ended.

    Args:
        report: the report of its last job.
        complete: whether it is fully trained.
    """
    return {"trial": report.trial, "event": "ended", "status": "ok", "complete": complete, **_facts(report)}


def _facts(report: Finished) -> Event:
    info, result = to_json_value(report.info), to_json_value(report.returned)
    return {"seconds": round(report.seconds, 3), "info": info, "result": result}


def unread(keys: Iterable[str]) -> Event:
    """Return the event of hyperparameters without effect, as paths in the point; it replaces earlier ones."""
    return {"event": "unread", "keys": sorted(set(keys))}


def _reason(decision: Start | Fork | Continue | Stop) -> Event:
    reason = None if isinstance(decision, Fork) else decision.reason
    return {} if reason is None else {"reason": dict(reason)}
