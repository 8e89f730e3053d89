from typing import Any

import numpy as np
import pytest

from metaopt.engine.jobs import Failed, Finished, Job
from metaopt.training.functions import FunctionTrainer, takes_budget


def train(function: Any, **job: Any) -> Finished | Failed:
    trainer = FunctionTrainer(function)
    trainer.setup()
    return trainer.train(Job(**{"trial": 5, "point": {"x": 3}, "to": 9, **job}), lambda _: True)


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
def test_the_two_kinds_are_told_apart_by_their_parameters(function: Any, expected: bool) -> None:
    assert takes_budget(function) is expected


def test_a_number_is_the_loss() -> None:
    end = train(lambda point: np.float32(point["x"]) / 2)
    assert isinstance(end, Finished)
    assert end.complete
    assert end.result == {"loss": 1.5, "status": "ok"}
    assert type(end.result["loss"]) is float


def test_a_dict_is_kept_whole() -> None:
    answer = {"loss": 2, "status": "ok", "attachments": {"a": 1}}
    assert train(lambda _: answer).result == {"loss": 2.0, "status": "ok", "attachments": {"a": 1}}
    assert answer["loss"] == 2  # the user's own dict is left as it is


def test_the_budget_is_handed_over(tmp_path: Any) -> None:
    end = train(with_budget, checkpoint=str(tmp_path))
    assert end.result == {"loss": 3 / 9, "where": str(tmp_path), "status": "ok", "epochs": 9}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"loss": -float("inf")}], ids=str)
def test_a_loss_that_is_no_number_has_diverged(value: Any) -> None:
    failed = train(lambda _: value)
    assert isinstance(failed, Failed)
    assert (failed.trial, failed.cause) == (5, "diverged")


def test_a_failure_may_be_returned() -> None:
    failed = train(lambda _: {"status": "fail", "error": "No convergence."})
    assert isinstance(failed, Failed)
    assert (failed.cause, failed.error) == ("failed", "No convergence.")


@pytest.mark.parametrize("value", [None, {"accuracy": 1.0}, "good"], ids=repr)
def test_an_answer_without_a_loss_raises(value: Any) -> None:
    with pytest.raises(TypeError, match="return a number, or a dict with 'loss'"):
        train(lambda _: value)


def test_a_foreign_status_raises() -> None:
    with pytest.raises(ValueError, match="status 'done'"):
        train(lambda _: {"loss": 1, "status": "done"})
