"""Trainer that calls a user's own function, as ``hyperopt.fmin`` takes it."""

import errno
import inspect
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from metaopt.engine.jobs import Failed, Finished, Job, Message, TrainingOptions
from metaopt.errors import EnvironmentFault
from metaopt.problems.reads import Reads
from metaopt.training.forked_directory import prepare_directory
from metaopt.training.point_reads import report_reads, with_recorded_point
from metaopt.trials.constraints import as_number, is_number, unwrapped
from metaopt.values.safe_text import class_name, cut, safe_repr

_LONGEST_VALUE = 200  # characters of a value in a sentence
# Errors of the machine, which no hyperparameters cause.
_DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.ESTALE, errno.ENODEV, errno.ENFILE}
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
    ``hyperopt.fmin``. The directory of a fork begins as a copy of that of its source, see
    ``metaopt.training.forked_directory``.

    Args:
        train: the function.
        counted: whether the guard checks ``params``, ``macs`` and ``memory`` by a blueprint; if not, constraints on
            them apply to the values that the function returns.
    """

    def __init__(self, train: Callable[..., Any], counted: bool = False) -> None:
        self._train = train
        self._counted = counted
        self._takes_budget = takes_budget(train)

    @property
    def name(self) -> str:
        """Name of the function, for messages."""
        return f"The function {getattr(self._train, '__qualname__', class_name(self._train))}"

    def setup(self, options: TrainingOptions) -> None:
        """Load nothing."""

    def train(self, job: Job, report: Callable[[Message], bool]) -> Finished | Failed:
        """Call the function once, without reports of epochs.

        Raises:
            EnvironmentFault: The function met a full or failing disk.
        """
        start = time.monotonic()
        reads = Reads()
        job = with_recorded_point(job, reads)
        try:
            answer = self._call(job)
        except OSError as fault:
            if fault.errno not in _DISK_ERRORS:  # such as a file that the function expects
                raise
            raise EnvironmentFault(
                f"Trial {job.trial} was interrupted: {fault}. Free disk space or repair the disk, then start the search"
                " again: the trial is trained anew."
            ) from fault
        seconds = time.monotonic() - start
        report_reads(job, reads, report)
        result = dict(dict.items(answer)) if isinstance(answer, dict) else {"loss": answer}
        status = result.setdefault("status", "ok")
        if status == "fail":
            error = result.get("error", "The function returned the status 'fail'.")
            return Failed(job.trial, result.get("cause", "failed"), error, seconds=seconds)
        if status != "ok":
            found = cut(safe_repr(status), _LONGEST_VALUE)
            raise ValueError(f"train(point) returned the status {found}. Expected 'ok' or 'fail'.")
        objective = job.options.find_objective()
        # A dict may hold the objective under its name, e.g. "val_accuracy", which is to be maximised.
        result["loss"] = _loss(objective.loss(result, seconds) if objective.name in result else result.get("loss"))
        if not math.isfinite(result["loss"]):
            return Failed(job.trial, "diverged", f"The loss is {result['loss']}.", seconds=seconds)
        constrained = [each.metric for each in job.options.measured_constraints]
        constrained += [] if self._counted else list(job.options.bounds)
        if (failed := find_missing_value(job.trial, "train", result, constrained, seconds)) is not None:
            return failed
        if self._takes_budget:
            result["epochs"] = job.target_resource
        elif as_number(result.get("epochs")) is None:  # a key of the function's own
            result.pop("epochs", None)
        return Finished(job.trial, seconds=seconds, returned=result)

    def _call(self, job: Job) -> Any:
        if not self._takes_budget:
            return self._train(job.point)
        if job.checkpoint is not None:
            os.makedirs(job.checkpoint, exist_ok=True)
            prepare_directory(job, Path(job.checkpoint))
        return self._train(job.point, epochs=job.target_resource, checkpoint=job.checkpoint)


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
            value = cut(safe_repr(result.get(name)), _LONGEST_VALUE)
            error = f"{function} returned {value} as {name}, by which a constraint cannot be judged."
            return Failed(trial, f"no {name}", error, seconds=seconds)
    return None


def _loss(value: Any) -> float:
    try:
        return float(unwrapped(value))
    except (TypeError, ValueError, OverflowError):
        raise TypeError(
            f"train(point) returned {class_name(value)} as its loss. Return a number, or a dict with 'loss'."
        ) from None
