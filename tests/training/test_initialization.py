"""Initialization of a training: from its checkpoint, from another trial's weights or state, or from scratch."""

import importlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metaopt.data import DataSet
from metaopt.engine.jobs import (
    Epoch,
    Failed,
    Finished,
    ForkOf,
    FromScratch,
    Message,
    Origin,
    Remark,
    TrainingRequest,
    TrialIdentity,
    WeightsOf,
)
from metaopt.executors import Inline
from metaopt.problems.problem import Problem
from metaopt.problems.training_config import Training
from metaopt.training import KerasTrainer, build_and_train
from metaopt.training.checkpoint import Checkpoint, EpochHistory, TrainingState, best_weights
from tests.training.requests import make_job, make_request
from tests.training.test_fit import same, state_of

pytestmark = pytest.mark.slow  # imports Keras

tiny_problem = importlib.import_module("tests.training.tiny_problem")


def make_model(optimizer: Any = "adam", units: int = 3) -> Any:
    import keras

    from metaopt.training.variables import build_optimizer

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(units, name="dense")])
    model.compile(optimizer, "mse")
    build_optimizer(model)
    return model


def history(epochs: int) -> EpochHistory:
    return EpochHistory([{"val_accuracy": 0.5}] * epochs, [1.0] * epochs, [()] * epochs)


def store(directory: Path, epochs: int = 2, folds: int = 1, **model: Any) -> list[Any]:
    """Write a checkpoint of new models, and return the variables of each fold."""
    from metaopt.training.variables import snapshot

    models = [make_model(**model) for _ in range(folds)]
    arrays = [snapshot(each) for each in models]
    best = (1, [each.get_weights() for each in models])
    Checkpoint(directory).save(TrainingState(history(epochs), arrays), best)
    return arrays


def initialize(model: Any, directory: Path | None = None, parent: Any = None, **request: Any) -> tuple[Any, list[str]]:
    """Return the start of a training and the remarks."""
    from metaopt.training import initialization

    messages: list[Message] = []

    def report(message: Message) -> bool:
        messages.append(message)
        return True

    checkpoint = None if directory is None else Checkpoint(directory)
    start = initialization.initialize(
        model, lambda _: make_model(), lambda: parent, checkpoint, make_request(report=report, **request)
    )
    assert all(isinstance(each, Remark) for each in messages)
    return start, [each.text for each in messages if isinstance(each, Remark)]


def equal(one: list[Any], other: list[Any]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_training_from_scratch_keeps_the_initial_weights(tmp_path: Path) -> None:
    model = make_model()
    before = model.get_weights()
    start, remarks = initialize(model, tmp_path)
    assert (len(start.progress), start.folds, start.transferred, start.n_reported, start.best) == (0, [], None, 0, None)
    assert equal(model.get_weights(), before)
    assert remarks == []


def test_each_fold_has_its_own_initial_weights() -> None:
    start, _ = initialize(make_model(), folds=3)
    kernels = [arrays[0].tobytes() for arrays in start.folds]
    assert len(set(kernels)) == 3


def test_checkpoint_restores_variables_and_history(tmp_path: Path) -> None:
    from metaopt.training.variables import snapshot

    (arrays,) = store(tmp_path, epochs=3)
    model = make_model()
    start, remarks = initialize(model, tmp_path, start=2)
    assert equal(snapshot(model), arrays)
    assert (len(start.progress), start.n_reported, start.folds) == (3, 2, [])
    assert remarks == []


def test_checkpoint_restores_the_variables_of_each_fold(tmp_path: Path) -> None:
    arrays = store(tmp_path, folds=2)
    start, _ = initialize(make_model(), tmp_path, start=2, folds=2)
    assert [equal(mine, theirs) for mine, theirs in zip(start.folds, arrays, strict=True)] == [True, True]


@pytest.mark.parametrize(
    ("stored", "remark"),
    [
        (None, "The checkpoint of trial 0 is gone: it is trained again from the start."),
        ({"units": 4}, "The checkpoint of trial 0 belongs to another network: it is trained again from the start."),
        ({"folds": 2}, "The checkpoint of trial 0 belongs to other folds: it is trained again from the start."),
    ],
    ids=["gone", "network", "folds"],
)
def test_lost_checkpoint_is_remarked(tmp_path: Path, stored: dict[str, Any] | None, remark: str) -> None:
    if stored is not None:
        store(tmp_path, **stored)
    model = make_model()
    before = model.get_weights()
    start, remarks = initialize(model, tmp_path, start=2)
    assert remarks == [remark]
    assert (len(start.progress), start.n_reported) == (0, 0)
    assert equal(model.get_weights(), before)


def test_damaged_checkpoint_falls_back_to_the_one_before(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path)
    for epochs in (1, 2):
        state = TrainingState(history(epochs), [[*_variables()]])
        checkpoint.save(state, (1, [make_model().get_weights()]) if epochs == 1 else None)
    newest = max(tmp_path.glob("state-*"))
    newest.write_bytes(newest.read_bytes()[:-1])
    start, remarks = initialize(make_model(), tmp_path, start=2)
    assert remarks == ["The newest checkpoint of trial 0 is damaged: it resumes after epoch 1 instead."]
    assert len(start.progress) == 1


def _variables() -> list[Any]:
    from metaopt.training.variables import snapshot

    return snapshot(make_model())


def test_weights_of_a_parent_are_transferred(tmp_path: Path) -> None:
    store(tmp_path)
    model = make_model()
    start, remarks = initialize(model, parent=make_model(), origin=WeightsOf(7, {}, str(tmp_path)))
    assert remarks == []
    assert start.transferred == {"trial": 7, "layers": 1, "of": 1}
    assert equal(model.get_weights(), best_weights(tmp_path)[1][0])
    assert (len(start.progress), start.n_reported) == (0, 0)


@pytest.mark.parametrize("fold_count", [1, 2])
def test_fork_takes_everything_but_the_learning_rate(tmp_path: Path, fold_count: int) -> None:
    import keras

    from metaopt.training.variables import snapshot

    sources = store(tmp_path, epochs=4, folds=fold_count, optimizer=keras.optimizers.SGD(0.5, momentum=0.9))
    model = make_model(keras.optimizers.SGD(0.125, momentum=0.3))
    start, remarks = initialize(model, origin=ForkOf(7, str(tmp_path), 4), folds=fold_count)
    assert remarks == []
    assert (len(start.progress), start.n_reported) == (4, 4)
    assert start.transferred == {"trial": 7, "epochs": 4}
    assert start.best[0] == 1
    for arrays, source in zip(start.folds or [snapshot(model)], sources, strict=True):
        rates = [
            (mine, theirs) for mine, theirs in zip(arrays, source, strict=True) if not np.array_equal(mine, theirs)
        ]
        assert rates == [(0.125, 0.5)]
    assert model.optimizer.momentum == 0.3


def test_fork_with_a_mate_has_the_mean_of_their_weights(tmp_path: Path) -> None:
    from metaopt.training.variables import snapshot

    (first,), (second,) = (store(tmp_path / name) for name in ("7", "8"))
    model = make_model()
    origin = ForkOf(7, str(tmp_path / "7"), 2, mate=ForkOf(8, str(tmp_path / "8"), 2))
    start, _ = initialize(model, origin=origin)
    assert start.transferred == {"trial": 7, "epochs": 2, "mate": 8}
    assert not equal(first[:1], second[:1])
    n_weights = len(model.weights)
    assert equal(model.get_weights(), [(a + b) / 2 for a, b in zip(first, second, strict=False)][:n_weights])
    assert equal(snapshot(model)[n_weights:], first[n_weights:]), "the optimizer's state is that of the first"


def _scheduled() -> Any:
    import keras

    return keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5))


@pytest.mark.parametrize("scales_loss", [False, True])
@pytest.mark.parametrize("is_scheduled", [False, True])
def test_fork_works_with_schedules_and_loss_scaling(tmp_path: Path, scales_loss: bool, is_scheduled: bool) -> None:
    import keras

    def optimizer(rate: float) -> Any:
        inner = _scheduled() if is_scheduled else keras.optimizers.SGD(rate)
        return keras.optimizers.LossScaleOptimizer(inner) if scales_loss else inner

    store(tmp_path, optimizer=optimizer(0.5))
    model = make_model(optimizer(0.25))
    initialize(model, origin=ForkOf(7, str(tmp_path), 2))
    expected = 0.1 if is_scheduled else 0.25
    assert float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)) == pytest.approx(expected)


def _remove(directory: Path) -> None:
    for path in directory.iterdir():
        path.unlink()


def _damage_best(directory: Path) -> None:
    for path in directory.glob("best-*"):
        path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize(
    ("lose", "origin_epochs"), [(_remove, 2), (_damage_best, 2), (lambda _: None, 1)], ids=["gone", "damaged", "epoch"]
)
def test_fork_of_a_lost_state_fails(tmp_path: Path, lose: Callable[[Path], None], origin_epochs: int) -> None:
    store(tmp_path, epochs=2)
    lose(tmp_path)
    with pytest.raises(
        RuntimeError, match=f"state of trial 7 after epoch {origin_epochs} is gone; it cannot be forked"
    ):
        initialize(make_model(), origin=ForkOf(7, str(tmp_path), origin_epochs))


def test_fork_of_a_trial_without_checkpoints_fails() -> None:
    with pytest.raises(RuntimeError, match="state of trial 7 after epoch 2 is gone"):
        initialize(make_model(), origin=ForkOf(7, None, 2))


@pytest.mark.parametrize("other", [{"units": 4}, {"optimizer": "sgd"}, {"folds": 2}], ids=str)
def test_fork_of_another_network_or_optimizer_fails(tmp_path: Path, other: dict[str, Any]) -> None:
    store(tmp_path, **other)
    with pytest.raises(RuntimeError, match="state of trial 7 does not fit the network or the optimizer of trial 0"):
        initialize(make_model(), origin=ForkOf(7, str(tmp_path), 2))


class Trainings:
    """Trains the tiny problem in folders, and records the epochs that are reported."""

    def __init__(self, data: DataSet, folder: Path) -> None:
        self.data, self.folder = data, folder
        self.epochs: list[int] = []
        self.remarks: list[str] = []

    def __call__(self, where: str, epochs: int, point: Any = None, **request: Any) -> dict[str, Any]:
        self.epochs, self.remarks = [], []

        def report(message: Message) -> bool:
            if isinstance(message, Epoch):
                self.epochs.append(message.epoch)
            else:
                self.remarks.append(message.text)
            return True

        point = point or {}
        run = make_request(point=point, epochs=epochs, report=report, **request)
        checkpoint = self.folder / where
        return build_and_train(_problem(), point, self.data, epochs=epochs, checkpoint=checkpoint, run=run)

    def fork(self, where: str, epochs: int) -> ForkOf:
        return ForkOf(0, str(self.folder / where), epochs)


def _problem() -> Problem:
    def training(point: Any) -> Training:
        return Training(point.get("optimizer", "Adam"), point.get("learning_rate", 0.01), 50)

    return Problem(None, network=tiny_problem.network, training=training)


@pytest.fixture
def train(tiny: DataSet, tmp_path: Path) -> Trainings:
    return Trainings(tiny, tmp_path)


@pytest.mark.parametrize("settings", [{}, {"folds": 2}, {"schedule": "cosine", "rung_levels": (2, 5)}], ids=str)
def test_unchanged_fork_equals_an_uninterrupted_training(train: Trainings, settings: dict[str, Any]) -> None:
    """With the number of its source, by which seeds are derived, the fork repeats it bit for bit."""
    whole = train("whole", 5, **settings)
    train("source", 2, **settings)
    fork = train("fork", 5, origin=train.fork("source", 2), **settings)
    assert train.epochs == [3, 4, 5]
    assert train.remarks == []
    assert fork["history"] == whole["history"]
    assert (fork["best_epoch"], fork["replicates"]) == (whole["best_epoch"], whole["replicates"])
    assert fork["inherited"] == {"trial": 0, "epochs": 2}
    assert same(train.folder / "fork", train.folder / "whole")
    assert len(state_of(train.folder / "source").progress) == 2


def test_fork_trains_on_with_its_own_learning_rate(train: Trainings) -> None:
    source = train("source", 2)
    # Weights that no longer change show that the rate is the fork's own, not the source's of 0.01.
    fork = train("fork", 4, {"learning_rate": 1e-30}, trial=1, origin=train.fork("source", 2))
    assert train.epochs == [3, 4]
    assert {name: values[:2] for name, values in fork["history"].items()} == source["history"]
    theirs, mine = (state_of(train.folder / where).folds[0] for where in ("source", "fork"))
    kernels = [number for number, array in enumerate(theirs) if array.ndim in (2, 4)][:3]  # then the optimizer's
    assert all(np.array_equal(mine[number], theirs[number]) for number in kernels)
    steps = [array for array in mine if array.shape == () and array == 16]
    assert len(steps) == 1  # 4 steps in each of 4 epochs: the source's were taken over


def test_fork_of_a_trial_that_has_trained_on(train: Trainings) -> None:
    """Its state at the end of an earlier job was kept."""
    whole = train("whole", 3)
    train("source", 2)
    train("source", 5, start=2, kept_epochs=(2,))
    fork = train("fork", 3, origin=train.fork("source", 2))
    assert train.epochs == [3]
    assert fork["history"] == whole["history"]


@pytest.mark.parametrize("settings", [{}, {"schedule": "cosine", "rung_levels": (2, 4)}], ids=str)
def test_fork_with_another_optimizer_takes_the_weights(train: Trainings, settings: dict[str, Any]) -> None:
    """With a schedule also the number of steps, from which it computes the learning rate."""
    train("source", 2, **settings)
    origin = replace(train.fork("source", 2), point={})
    point = {"optimizer": "SGD", "learning_rate": 1e-30}
    train("fork", 3, point, trial=1, origin=origin, **settings)
    theirs, mine = (state_of(train.folder / where).folds[0] for where in ("source", "fork"))
    kernels = [number for number, array in enumerate(theirs) if array.ndim in (2, 4)][:2]
    assert all(np.array_equal(mine[number], theirs[number]) for number in kernels)
    counted = {int(array) for array in mine if array.shape == () and array.dtype.kind in "iu"}
    assert counted == ({12} if settings else {4}), "4 steps in each epoch"


def test_fork_keeps_best_weights_of_its_source(train: Trainings) -> None:
    """Where no epoch of its own is better, and after a pause."""
    train("source", 4, objective="val_loss")
    best, weights = best_weights(train.folder / "source")
    point = {"learning_rate": -0.1}  # ascends the loss
    settings: dict[str, Any] = {"trial": 1, "objective": "val_loss", "origin": train.fork("source", 4)}
    fork = train("fork", 5, point, **settings)
    assert fork["best_epoch"] == best <= 4
    assert best_weights(train.folder / "fork")[0] == best
    assert equal(best_weights(train.folder / "fork")[1][0], weights[0])
    _remove(train.folder / "source")
    resumed = train("fork", 6, point, start=5, **settings)
    assert train.epochs == [6]
    assert train.remarks == []
    assert resumed["inherited"] == {"trial": 0, "epochs": 4}
    assert resumed["history"]["loss"][:5] == fork["history"]["loss"]


def test_fork_that_lost_its_checkpoint_is_forked_again(train: Trainings) -> None:
    whole = train("whole", 4)
    train("source", 2)
    again = train("lost", 4, start=3, origin=train.fork("source", 2))
    assert train.remarks == ["The checkpoint of trial 0 is gone: it is trained again from the start."]
    assert train.epochs == [3, 4]
    assert again["history"] == whole["history"]


def test_trial_whose_source_is_lost_fails_and_others_go_on(tiny: DataSet) -> None:
    ends: list[Any] = []
    starts: list[Origin] = [ForkOf(7, "/nowhere", 2), FromScratch()]
    with Inline(KerasTrainer(_problem(), tiny)) as executor:
        for trial, origin in enumerate(starts):
            executor.submit(make_job(trial, epochs=1, origin=origin))
            executor.wait(lambda report: ends.append(report) or True)
    failed, *_, finished = ends
    assert isinstance(failed, Failed)
    assert (failed.cause, failed.error) == (
        "RuntimeError",
        "RuntimeError: The state of trial 7 after epoch 2 is gone; it cannot be forked.",
    )
    assert isinstance(finished, Finished)


def test_state_of_another_study_or_trial_is_trained_again(tiny: DataSet, tmp_path: Path) -> None:
    own = TrialIdentity("study", 0, "point", "data")
    options = {"epochs": 1, "checkpoint": str(tmp_path / "0")}

    def train(epochs: int, identity: TrialIdentity) -> tuple[dict[str, Any], list[str]]:
        remarks: list[str] = []

        def report(message: Message) -> bool:
            remarks.extend([message.text] if isinstance(message, Remark) else [])
            return True

        job = replace(make_job(**{**options, "epochs": epochs}), identity=identity)
        request = TrainingRequest(job, report)
        return build_and_train(tiny_problem, {}, tiny, epochs=epochs, checkpoint=tmp_path / "0", run=request), remarks

    train(1, replace(own, study="removed"))
    again, remarks = train(2, own)
    assert remarks == ["The checkpoint of trial 0 is of another study: it is trained again from the start."]
    assert len(again["history"]["loss"]) == 2
    resumed, remarks = train(3, own)
    assert remarks == []
    assert resumed["history"]["loss"][:2] == again["history"]["loss"]
    start, remarks = initialize(
        make_model(), parent=make_model(), origin=WeightsOf(0, {}, str(tmp_path / "0"), replace(own, trial=1))
    )
    assert start.transferred is None
    assert "are of another trial" in remarks[0]
    with pytest.raises(RuntimeError, match="is of another study; it cannot be forked"):
        initialize(make_model(), origin=ForkOf(0, str(tmp_path / "0"), 3, replace(own, study="new")))
