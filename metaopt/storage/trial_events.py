"""Trials and results that events of the journal describe."""

from collections.abc import Mapping, Sequence

from metaopt.spaces import Vals
from metaopt.storage.journal_lines import Event
from metaopt.trials.knowledge import Knowledge, KnownPoint
from metaopt.trials.result import Result
from metaopt.trials.trial import Trial
from metaopt.trials.trial_decision import DecisionKind, TrialDecision


def proposed_trial(event: Event, trials: Sequence[Trial]) -> Trial:
    """Return the trial of a ``proposed`` event.

    Args:
        event: the event.
        trials: earlier trials, of which it may be forked.
    """
    vals = Vals(event["vals"], model_based=event["model_based"], parent=event.get("parent"))
    trial = Trial(event["trial"], vals, event["point"], event["to"], proposal=event["network"])
    trial.bracket = event.get("bracket")
    trial.change = event.get("change") or ""
    if fork := event.get("fork"):
        _fork(trial, trials[fork["trial"]], fork["epochs"])
        if mate := fork.get("mate"):
            trial.mate = (trials[mate["trial"]].number, mate["epochs"])
    return trial


def add_decisions(trials: Sequence[Trial], kind: DecisionKind, event: Event, spent: int) -> None:
    """Add the decisions of an event to their trials, as far as it has figures; those of most strategies have none.

    Args:
        trials: all trials.
        kind: what the event is to its own trial. Others may be left at their rungs.
        event: the event.
        spent: epochs that all trials were trained by then.
    """
    clock = event.get("clock", 0.0)
    found: list[tuple[DecisionKind, int, Mapping[str, float] | None]] = [(kind, event["trial"], event.get("reason"))]
    found += [("left", each["trial"], each["reason"]) for each in event.get("left") or ()]
    for one, number, reason in found:
        # In a repaired journal, a trial that was rebuilt from its record may come later than a decision on it.
        if reason and number < len(trials):
            trials[number].decisions.append(TrialDecision(one, trials[number].target_resource, spent, clock, reason))


def imported_trial(event: Event, number: int, clock: float) -> Trial:
    """Return the trial of an ``imported`` event.

    Args:
        event: the event.
        number: number of the trial.
        clock: seconds of search when it was imported.
    """
    trial = Trial(number, Vals(event["vals"]), event["point"], event["epochs"], imported=True)
    trial.status, trial.complete, trial.ended = event["status"], True, clock
    trial.metrics = event["metrics"]
    seconds = event.get("seconds", [])
    trial.seconds = seconds if len(seconds) == len(trial.metrics) else [0.0] * len(trial.metrics)
    trial.returned, trial.info = event["result"], {"source": event["source"], "identity": event.get("identity")}
    return trial


def end_job(trial: Trial, event: Event) -> None:
    """Give a trial what the event that ends its job tells."""
    trial.wall_seconds += event["seconds"]
    trial.ended = event["clock"]
    trial.info = {**trial.info, **event.get("info", {})}
    trial.returned = event.get("result", {})


def reached_result(trial: Trial, *, total_epochs: int, in_seconds: bool) -> Result:
    """Return the result of a trial whose job has ended, not judged yet.

    Args:
        trial: the trial; see ``end_job``.
        total_epochs: epochs that all trials were trained by then.
        in_seconds: whether resources are seconds.
    """
    is_at_target = trial.status == "paused" or trial.complete
    return Result(
        resource=trial.target_resource if is_at_target else int(sum(trial.seconds)) if in_seconds else trial.epochs,
        epochs=trial.epochs,
        seconds=trial.wall_seconds,
        clock=trial.ended or 0.0,
        total_epochs=total_epochs,
        returned=trial.returned,
    )


def _fork(trial: Trial, origin: Trial, epochs: int) -> None:
    """Give a new trial the history of the one that it was forked from; these epochs are not trained again."""
    trial.forked_from = (origin.number, epochs)
    trial.metrics, trial.seconds = origin.metrics[:epochs], origin.seconds[:epochs]
    trial.replicates = origin.replicates[:epochs]


def known_points(event: Event, n_own: int) -> Knowledge:
    """Return what an event tells; see ``Knowledge.begin`` for ``n_own``."""
    points = tuple(
        KnownPoint(Vals(each["vals"]), each.get("loss"), int(each.get("resource", 0))) for each in event["points"]
    )
    return Knowledge(event["source"], event.get("study"), points, int(event["resource"]), n_own)
