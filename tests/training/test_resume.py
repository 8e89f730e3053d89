"""Resuming a training that was paused, killed, or lost its checkpoint; and warm starts from another trial."""

import importlib
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metaopt.data import DataSet
from metaopt.engine.jobs import Epoch, Message, Remark, WeightsOf
from metaopt.errors import ResultsNotWritable
from metaopt.problems.problem import Problem
from metaopt.problems.training_config import Training
from metaopt.training import build_and_train
from metaopt.training.checkpoint import Checkpoint, best_weights
from tests.training.requests import make_request
from tests.training.test_fit import same, state_of

pytestmark = pytest.mark.slow  # trains with Keras

tiny_problem = importlib.import_module("tests.training.tiny_problem")


class Trainings:
    """Trains a trial in a folder and records its messages."""

    def __init__(self, data: DataSet, folder: Path, problem: Any = tiny_problem) -> None:
        self.data, self.folder, self.problem = data, folder, problem
        self.messages: list[Message] = []

    def __call__(self, where: str, epochs: int, stop: int | None = None, **run: Any) -> dict[str, Any]:
        self.messages = []

        def report(message: Message) -> bool:
            self.messages.append(message)
            return not (isinstance(message, Epoch) and message.epoch == stop)

        point = run.pop("point", {})
        request = make_request(**run, report=report)
        return build_and_train(
            self.problem, point, self.data, epochs=epochs, checkpoint=self.folder / where, run=request
        )

    @property
    def epochs(self) -> list[int]:
        return [each.epoch for each in self.messages if isinstance(each, Epoch)]

    @property
    def remarks(self) -> list[str]:
        return [each.text for each in self.messages if isinstance(each, Remark)]


@pytest.fixture
def train(tiny: DataSet, tmp_path: Path) -> Trainings:
    return Trainings(tiny, tmp_path)


def with_options(point: dict[str, Any]) -> Training:
    plain = tiny_problem.training(point)
    return Training(plain.optimizer, plain.learning_rate, 50, {"coarse": 0.3}, options=point.get("options", {}))


@pytest.mark.parametrize(
    ("optimizer", "options"),
    [
        ("Adam", {}),
        ("Nadam", {}),
        ("RMSprop", {}),
        ("SGD", {"momentum": 0.9, "nesterov": True}),
        ("AdamW", {"use_ema": True}),
    ],
    ids=lambda value: str(value) if value else "",
)
def test_resume_is_bit_identical(tiny: DataSet, tmp_path: Path, optimizer: str, options: dict[str, Any]) -> None:
    """With dropout, batch normalisation and shifts, in a new model, as in another process."""
    train = Trainings(tiny, tmp_path, Problem(None, network=tiny_problem.network, training=with_options))
    point = {"optimizer": optimizer, "options": options}
    whole = train("whole", 9, point=point)
    train("parts", 3, point=point)
    if optimizer == "Adam":  # other trainings of the process in between do not matter
        train("other", 1, point={"filters": 2, "optimizer": optimizer}, trial=9)
    parts = train("parts", 9, point=point, compiled_models=None, start=3)
    assert train.epochs == [4, 5, 6, 7, 8, 9]
    assert train.remarks == []
    assert parts["history"] == whole["history"]
    assert parts["best_epoch"] == whole["best_epoch"]
    assert parts["epochs"] == 9
    assert same(tmp_path / "parts", tmp_path / "whole")


def test_epochs_in_the_checkpoint_are_reported_untrained(train: Trainings) -> None:
    whole = train("a", 4)
    seconds = [each.seconds for each in train.messages if isinstance(each, Epoch)]
    known = train("a", 4, start=1)
    assert train.epochs == [2, 3, 4]
    assert [each.seconds for each in train.messages if isinstance(each, Epoch)] == seconds[1:]
    assert known["history"] == whole["history"]
    # The answer ends the trial there too.
    assert not train("a", 4, start=1, stop=3)["complete"]
    assert train.epochs == [2, 3]
    # A trial that was reported to its end reports nothing more.
    assert train("a", 4, start=4)["history"] == whole["history"]
    assert train.messages == []


def test_epochs_missing_in_the_checkpoint_are_retrained(train: Trainings) -> None:
    whole = train("whole", 4)
    train("a", 2)
    again = train("a", 4, start=3)
    assert train.epochs == [3, 4]
    assert train.remarks == []
    assert again["history"] == whole["history"]


def test_missing_checkpoint_costs_time_only(train: Trainings) -> None:
    whole = train("whole", 3)
    again = train("nothing", 3, start=2)
    assert train.remarks == ["The checkpoint of trial 0 is gone: it is trained again from the start."]
    assert train.epochs == [1, 2, 3]
    assert again["history"] == whole["history"]
    assert same(train.folder / "nothing", train.folder / "whole")


@pytest.mark.parametrize(
    ("damaged", "remark", "epochs"),
    [
        (1, "The newest checkpoint of trial 0 is damaged: it resumes after epoch 2 instead.", [3, 4]),
        (2, "The checkpoints of trial 0 are damaged: it is trained again from the start.", [1, 2, 3, 4]),
    ],
)
def test_damaged_checkpoint_costs_time_only(
    train: Trainings, monkeypatch: pytest.MonkeyPatch, damaged: int, remark: str, epochs: list[int]
) -> None:
    monkeypatch.setattr("metaopt.training.checkpoint_policy.MAX_TIME_SHARE", 1e9)
    whole = train("whole", 4)
    train("a", 3)
    for path in sorted((train.folder / "a").glob("state-*"))[-damaged:]:
        path.write_bytes(path.read_bytes()[:-1])
    again = train("a", 4, start=3)
    assert train.remarks == [remark]
    assert train.epochs == epochs
    assert again["history"] == whole["history"]
    assert same(train.folder / "a", train.folder / "whole")


def test_checkpoint_of_another_network_is_not_used(train: Trainings) -> None:
    train("a", 2, point={"filters": 2})
    train("a", 3, start=2)
    assert train.remarks == [
        "The checkpoint of trial 0 belongs to another network: it is trained again from the start."
    ]
    assert train.epochs == [1, 2, 3]
    assert len(state_of(train.folder / "a").progress) == 3


def test_trial_that_the_report_ended_can_be_resumed(train: Trainings) -> None:
    whole = train("whole", 4)
    assert not train("a", 9, stop=2)["complete"]
    assert train("a", 4, start=2)["history"] == whole["history"]
    assert same(train.folder / "a", train.folder / "whole")


def test_patience_is_counted_across_pauses(train: Trainings) -> None:
    # Nothing but batch normalisation's averages is learned.
    settings: dict[str, Any] = {"point": {"learning_rate": 1e-30, "optimizer": "SGD"}, "early_stopping": 3}
    whole = train("whole", 30, **settings)
    ended = whole["epochs"]
    assert ended == whole["best_epoch"] + 3
    train("a", ended - 1, **settings)
    assert train("a", 30, start=ended - 1, **settings)["epochs"] == ended
    # A search that was killed before the end was reported finds the trial ended.
    record = train("a", 30, start=ended, **settings)
    assert (record["epochs"], record["complete"], train.messages) == (ended, True, [])


def test_epoch_is_reported_when_its_checkpoint_is_durable(train: Trainings, monkeypatch: pytest.MonkeyPatch) -> None:
    held = []

    def report(message: Message) -> bool:
        assert isinstance(message, Epoch)
        state, _ = Checkpoint(train.folder / "a").restore()
        held.append(0 if state is None else len(state.progress))
        return True

    def train_to(epochs: int, start: int = 0) -> None:
        run = make_request(start=start, report=report)
        build_and_train(tiny_problem, {}, train.data, epochs=epochs, checkpoint=train.folder / "a", run=run)

    monkeypatch.setattr("metaopt.training.checkpoint_policy.MAX_TIME_SHARE", 1e9)
    train_to(3)
    assert held == [1, 2, 3]
    # Where writing takes too long, the job's last epoch at least.
    monkeypatch.setattr("metaopt.training.checkpoint_policy.MAX_TIME_SHARE", 0)
    held.clear()
    train_to(6, start=3)
    assert held == [4, 4, 6]


def test_unwritable_checkpoint_is_not_a_failure_of_the_trial(train: Trainings) -> None:
    (train.folder / "a").write_text("a file where the directory should be")
    with pytest.raises(ResultsNotWritable, match=r"A checkpoint in .* cannot be written"):
        train("a", 2)


def test_best_weights_are_those_of_the_best_epoch(train: Trainings) -> None:
    record = train("a", 6)
    best = record["best_epoch"]
    train("b", best)
    last = [array for array in state_of(train.folder / "b").folds[0] if array.dtype == np.float32]
    assert all(
        any(array.shape == other.shape and (array == other).all() for other in last)
        for array in best_weights(train.folder / "a")[1][0]
    )


def parent_of(train: Trainings, trial: int = 7, **point: Any) -> WeightsOf:
    return WeightsOf(trial, {"filters": 4, **point}, str(train.folder / f"parent{trial}"))


@pytest.mark.parametrize("folds", [1, 2])
def test_trial_starts_from_the_best_weights_of_its_parent(train: Trainings, folds: int) -> None:
    parent = train("parent7", 3, trial=7, point={"filters": 4}, folds=folds)
    point = {"filters": 4, "learning_rate": 1e-30, "optimizer": "SGD"}  # learns nothing but BN's averages
    child = train("child", 2, trial=12, point=point, origin=parent_of(train), folds=folds)
    assert train.remarks == []
    assert child["inherited"] == {"trial": 7, "layers": 4, "of": 4}
    trainable = [n for n, array in enumerate(best_weights(train.folder / "child")[1][0]) if n not in (4, 5)]
    for mine, theirs in zip(
        best_weights(train.folder / "child")[1], best_weights(train.folder / "parent7")[1], strict=True
    ):
        assert all((mine[n] == theirs[n]).all() for n in trainable)
    assert child["history"]["val_accuracy"][0] > parent["history"]["val_accuracy"][0] - 0.05
    # The transfer is known after a pause as well, when the parent may be gone.
    shutil.rmtree(train.folder / "parent7")
    again = train("child", 3, start=2, trial=12, point=point, origin=parent_of(train), folds=folds)
    assert again["inherited"] == child["inherited"]
    assert train.remarks == []


@pytest.mark.parametrize("what", ["gone", "damaged", "of other folds", "of another network"])
def test_unusable_parent_weights_are_remarked(train: Trainings, what: str) -> None:
    if what != "gone":
        train("parent7", 1, trial=7, point={"filters": 4}, folds=2 if what == "of other folds" else 1)
    if what == "damaged":
        for path in (train.folder / "parent7").glob("best-*"):
            path.write_bytes(path.read_bytes()[:-1])
    filters = 2 if what == "of another network" else 4
    child = train("child", 1, trial=12, origin=parent_of(train, filters=filters))
    assert train.remarks == [f"Trial 12 trains from scratch: the weights of its parent, trial 7, are {what}."]
    assert "inherited" not in child
    assert child["history"] == train("scratch", 1, trial=12)["history"]


def sgd(point: dict[str, Any]) -> Training:
    return Training("SGD", 0.1, batch_size=50, schedule="cosine")


def test_a_schedule_over_seconds_continues_after_a_pause(tiny: DataSet, tmp_path: Path) -> None:
    """The position is the sum of the recorded seconds, whichever job trained the epochs."""
    train = Trainings(tiny, tmp_path, Problem(None, network=tiny_problem.network, training=sgd))
    timed = {"unit": "seconds", "first_cycle_s": 0.4, "cycle_factor": 2}
    seconds: list[float] = []
    steps = 4
    for epochs in (2, 3, 5):
        train("paused", 9, stop=epochs, start=len(seconds), **timed)
        seconds += [each.seconds for each in train.messages if isinstance(each, Epoch)]
        assert len(seconds) == epochs
        position, advance, first = (array.item() for array in state_of(tmp_path / "paused").folds[0][-3:])
        assert position == np.float32(math.fsum(seconds[:-1]))
        assert advance == np.float32(seconds[-2] / steps)
        assert first == (epochs - 1) * steps
