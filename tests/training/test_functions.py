"""The trainer that calls a user's function."""

import errno
from typing import Any

import numpy as np
import pytest

from metaopt.engine.jobs import Failed, Finished, keep_training
from metaopt.errors import EnvironmentFault
from metaopt.executors.failures import attempt
from metaopt.training.functions import FunctionTrainer, takes_budget
from tests.training.requests import make_job


def train(function: Any, **settings: Any) -> Finished | Failed:
    trainer = FunctionTrainer(function)
    job = make_job(5, {"x": 3}, epochs=9, **settings)
    trainer.setup(job.options)
    return trainer.train(job, lambda _: True)


def with_budget(point: Any, *, epochs: int, checkpoint: str | None) -> dict[str, Any]:
    return {"loss": point["x"] / epochs, "where": checkpoint}


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (with_budget, True),
        (lambda point: 0.0, False),
        (lambda point, epochs=3: 0.0, False),
        (lambda point, epochs, checkpoint, verbose=False: 0.0, True),
        (abs, False),
    ],
)
def test_functions_with_a_budget_are_told_by_their_parameters(function: Any, expected: bool) -> None:
    assert takes_budget(function) is expected


def test_number_is_the_loss() -> None:
    end = train(lambda point: np.float32(point["x"]) / 2)
    assert isinstance(end, Finished)
    assert end.complete
    assert end.returned == {"loss": 1.5, "status": "ok"}
    assert type(end.returned["loss"]) is float


def test_dict_is_returned_whole() -> None:
    answer = {"loss": 2, "status": "ok", "attachments": {"a": 1}}
    assert train(lambda _: answer).returned == {"loss": 2.0, "status": "ok", "attachments": {"a": 1}}
    assert answer["loss"] == 2  # the user's own dict is left as it is


def test_budget_is_passed_to_the_function(tmp_path: Any) -> None:
    end = train(with_budget, checkpoint=str(tmp_path))
    assert end.returned == {"loss": 3 / 9, "where": str(tmp_path), "status": "ok", "epochs": 9}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"loss": -float("inf")}, np.ma.masked], ids=str)
def test_non_finite_loss_has_diverged(value: Any) -> None:
    failed = train(lambda _: value)
    assert isinstance(failed, Failed)
    assert (failed.trial, failed.cause) == (5, "diverged")


def test_failure_may_be_returned() -> None:
    failed = train(lambda _: {"status": "fail", "error": "No convergence."})
    assert isinstance(failed, Failed)
    assert (failed.cause, failed.error) == ("failed", "No convergence.")


@pytest.mark.parametrize("value", [None, {"accuracy": 1.0}, "good"], ids=repr)
def test_answer_without_a_loss_raises(value: Any) -> None:
    with pytest.raises(TypeError, match="Return a number, or a dict with 'loss'"):
        train(lambda _: value)


def test_unknown_status_raises() -> None:
    with pytest.raises(ValueError, match="status 'done'"):
        train(lambda _: {"loss": 1, "status": "done"})


def test_full_disk_interrupts_a_trial_and_does_not_fail_it() -> None:
    def full(point: Any) -> float:
        raise OSError(errno.ENOSPC, "No space left on device")

    def absent(point: Any) -> float:
        raise FileNotFoundError(errno.ENOENT, "No such file", "weights.h5")

    with pytest.raises(EnvironmentFault, match=r"Trial 3 was interrupted: .*No space left.* start the search again"):
        attempt(FunctionTrainer(full), make_job(3), keep_training)
    failed = attempt(FunctionTrainer(absent), make_job(3), keep_training)
    assert isinstance(failed, Failed)
    assert failed.cause == "FileNotFoundError"
