"""Trainer that calls a user's own function, as ``hyperopt.fmin`` takes it."""

import inspect
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from metaopt.engine.jobs import Failed, Finished, Job, Message, TrainingOptions
from metaopt.trials.constraints import is_number

_BUDGET = {"epochs", "checkpoint"}


def takes_budget(train: Callable[..., Any]) -> bool:
    """Return whether a function is called as ``train(point, *, epochs, checkpoint)`` rather than ``train(point)``."""
    try:
        parameters = inspect.signature(train).parameters
    except ValueError:  # some built-in functions have no signature
        return False
    return parameters.keys() >= _BUDGET


class FunctionTrainer:
    """Calls ``train(point)``, or ``train(point, *, epochs, checkpoint)`` with the resource as ``epochs``.

    The function returns a loss to be minimised, or a dict with ``loss`` and perhaps ``status``, as for
    ``hyperopt.fmin``.

    Args:
        train: the function.
        counted: whether the guard checks ``params``, ``macs`` and ``memory`` by a blueprint; if not, constraints on
            them apply to the values that the function returns.
    """

    def __init__(self, train: Callable[..., Any], counted: bool = False) -> None:
        self._train = train
        self._counted = counted
        self._takes_budget = takes_budget(train)

    def setup(self, options: TrainingOptions) -> None:
        """Load nothing."""

    def train(self, job: Job, report: Callable[[Message], bool]) -> Finished | Failed:  # noqa: ARG002
        """Call the function once, without reports of epochs."""
        start = time.monotonic()
        if self._takes_budget:
            if job.checkpoint is not None:
                os.makedirs(job.checkpoint, exist_ok=True)
            answer = self._train(job.point, epochs=job.target_resource, checkpoint=job.checkpoint)
        else:
            answer = self._train(job.point)
        seconds = time.monotonic() - start
        result = dict(answer) if isinstance(answer, dict) else {"loss": answer}
        status = result.setdefault("status", "ok")
        if status == "fail":
            error = result.get("error", "The function returned the status 'fail'.")
            return Failed(job.trial, str(result.get("cause", "failed")), str(error), seconds=seconds)
        if status != "ok":
            raise ValueError(f"train(point) returned the status {status!r}. Expected 'ok' or 'fail'.")
        objective = job.options.find_objective()
        # A dict may hold the objective under its name, e.g. "val_accuracy", which is to be maximised.
        result["loss"] = _loss(objective.loss(result, seconds) if objective.name in result else result.get("loss"))
        if not math.isfinite(result["loss"]):
            return Failed(job.trial, "diverged", f"The loss is {result['loss']}.", seconds=seconds)
        constrained = [each.name for each in job.options.measured_constraints]
        constrained += [] if self._counted else list(job.options.bounds)
        if (failed := find_missing_value(job.trial, "train", result, constrained, seconds)) is not None:
            return failed
        if self._takes_budget:
            result["epochs"] = job.target_resource
        return Finished(job.trial, seconds=seconds, returned=result)


def find_missing_value(
    trial: int, function: str, result: Mapping[str, Any], constrained: Sequence[str], seconds: float
) -> Failed | None:
    """Return the failure of a training that returned no number for a constraint; None if it returned all.

    Args:
        trial: number of the trial.
        function: name of the function that trained.
        result: the dict that it returned.
        constrained: names of the constrained values; ``seconds`` is measured here and may be missing.
        seconds: wall seconds of the training.
    """
    for name in constrained:
        if name != "seconds" and not is_number(result.get(name)):
            error = f"{function} returned {result.get(name)!r} as {name}, by which a constraint cannot be judged."
            return Failed(trial, f"no {name}", error, seconds=seconds)
    return None


def _loss(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(
            f"train(point) returned {type(value).__name__} as its loss. Return a number, or a dict with 'loss'."
        ) from None
