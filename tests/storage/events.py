"""Journal events for tests, and the state of a study that they give."""

from typing import Any

from metaopt.storage.journal import Event
from metaopt.storage.state import StudyState


def header(objective: str = "val_accuracy", **more: Any) -> Event:
    """The first event of a study."""
    return {"event": "study", "objective": objective, "id": "a study", "labels": ["x"], "fingerprint": {}, **more}


def run(**settings: Any) -> Event:
    """A run begins."""
    return {"event": "run", "settings": settings, "clock": 0.0}


def proposed(trial: int, to: int, vals: dict[str, float] | None = None, **more: Any) -> Event:
    """A trial starts."""
    vals = {"x": trial / 100} if vals is None else vals
    network = {"signature": f"network {trial}", "params": 100 * (trial + 1)}
    event = {"event": "proposed", "trial": trial, "vals": vals, "point": vals, "to": to, "network": network}
    return {**event, "model_based": False, "parent": None, "rejected": {}, "bracket": None, **more}


def epoch(trial: int, number: int, seconds: float = 1.0, **metrics: float) -> Event:
    """An epoch was trained; its accuracy is better the higher the trial and the epoch are."""
    metrics = metrics or {"val_accuracy": trial / 10 + number / 100}
    return {"event": "epoch", "trial": trial, "epoch": number, "metrics": metrics, "seconds": seconds, "clock": 0.0}


def paused(trial: int, clock: float = 1.0, **more: Any) -> Event:
    """A trial pauses at its target resource."""
    return {"event": "paused", "trial": trial, "seconds": 1.5, "clock": clock, **more}


def continued(trial: int, to: int) -> Event:
    """A paused trial resumes."""
    return {"event": "continued", "trial": trial, "to": to}


def stopped(trial: int) -> Event:
    """A paused trial ends."""
    return {"event": "stopped", "trial": trial}


def ended(trial: int, clock: float = 1.0, **more: Any) -> Event:
    """A trial ends."""
    return {"event": "ended", "trial": trial, "status": "ok", "complete": True, "seconds": 1.5, "clock": clock, **more}


def failed(trial: int, clock: float = 1.0) -> Event:
    """A trial fails."""
    failure = {"cause": "diverged", "error": "The loss became NaN.", "traceback": ""}
    return ended(trial, clock, status="fail", complete=False, failure=failure)


def imported(vals: dict[str, float], *accuracies: float, **more: Any) -> Event:
    """A trial that was trained elsewhere."""
    event = {"event": "imported", "vals": vals, "point": vals, "status": "ok", "source": "elsewhere", "result": {}}
    metrics = [{"val_accuracy": value} for value in accuracies]
    return {**event, "epochs": len(metrics), "metrics": metrics, "seconds": [1.0] * len(metrics), **more}


def trained(trial: int, to: int, **more: Any) -> list[Event]:
    """A trial is started and trained to its target resource."""
    return [proposed(trial, to, **more), *(epoch(trial, number) for number in range(1, to + 1))]


def state_of(*events: Event | list[Event]) -> StudyState:
    """The state after the events; lists of events are flattened."""
    flat = [each for event in events for each in (event if isinstance(event, list) else [event])]
    return StudyState([header(), *flat])
