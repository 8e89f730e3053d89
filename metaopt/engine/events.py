"""Journal events of a search: what a report or a decision adds to the journal."""

from collections.abc import Iterable
from typing import Any

from metaopt.engine.jobs import Epoch, Failed, Finished
from metaopt.engine.proposer import Accepted
from metaopt.schedulers import Continue, Fork, Left, Reason, Start, Stop
from metaopt.trials.discard import Discard
from metaopt.values.json_values import to_json_value

Event = dict[str, Any]


def proposed(number: int, decision: Start | Fork, accepted: Accepted) -> Event:
    """Return the event of a new trial.

    Args:
        number: number of the trial.
        decision: tells its target resource and bracket.
        accepted: the proposal that passed the guard. Where it is not the one that a model decided on, the number of
            rejected proposals takes the place of the decision's figures.
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
        **_reason(None if isinstance(decision, Fork) else _start_reason(decision, accepted)),
        **({} if isinstance(decision, Fork) else _left(decision.left)),
        **({"change": decision.change} if isinstance(decision, Fork) and decision.change else {}),
    }


def continued(decision: Continue) -> Event:
    """Return the event of a paused trial that resumes."""
    event = {"event": "continued", "trial": decision.trial, "to": decision.target_resource}
    return {**event, **_reason(decision.reason), **_left(decision.left)}


def stopped(decision: Stop) -> Event:
    """Return the event of a paused trial that is never resumed."""
    return {"event": "stopped", "trial": decision.trial, **_reason(decision.reason)}


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


def fold_trained(report: Epoch) -> Event:
    """Return the event of an epoch of one fold, which other folds still lack."""
    return {
        "event": "fold",
        "trial": report.trial,
        "fold": report.fold,
        "epoch": report.epoch,
        "metrics": report.metrics,
        "seconds": round(report.seconds, 4),
    }


def failed(report: Failed) -> Event:
    """Return the event of a trial that failed."""
    failure = {"cause": report.cause, "error": report.error, "traceback": report.traceback}
    seconds = round(report.seconds, 3)
    return {"trial": report.trial, "event": "ended", "status": "fail", "seconds": seconds, "failure": failure}


def paused(report: Finished) -> Event:
    """Return the event of a trial that pauses at a rung."""
    return {"trial": report.trial, "event": "paused", **_facts(report)}


def ended(report: Finished, *, complete: bool, discard: Discard | None = None) -> Event:
    """Return the event of a trial that ended.

    Args:
        report: the report of its last job.
        complete: whether it is fully trained.
        discard: how a race over folds ended it, or None.
    """
    event = {"trial": report.trial, "event": "ended", "status": "ok", "complete": complete, **_facts(report)}
    return event if discard is None else {**event, "discarded": discard.to_json()}


def _facts(report: Finished) -> Event:
    info, result = to_json_value(report.info), to_json_value(report.returned)
    return {"seconds": round(report.seconds, 3), "info": info, "result": result}


def unread(keys: Iterable[str]) -> Event:
    """Return the event of hyperparameters without effect, as paths in the point; it replaces earlier ones."""
    return {"event": "unread", "keys": sorted(set(keys))}


def _start_reason(decision: Start, accepted: Accepted) -> Reason | None:
    if decision.reason is not None and decision.vals.model_based and dict(accepted.vals) != dict(decision.vals):
        return {"rejected_proposals": float(sum(accepted.rejected.values()))}
    return decision.reason


def _reason(reason: Reason | None) -> Event:
    return {} if reason is None else {"reason": dict(reason)}


def _left(left: Left) -> Event:
    return {"left": [{"trial": trial, "reason": dict(reason)} for trial, reason in left]} if left else {}
