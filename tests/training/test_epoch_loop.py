"""The epoch loop, called as Keras calls it, without a training."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metaopt.engine.jobs import Epoch, EpochProgress
from metaopt.training.checkpoint import Checkpoint, EpochHistory, best_weights
from tests.training.requests import make_request

pytestmark = pytest.mark.slow  # imports Keras

LABELS = np.array([0, 1, 0, 1])
LOGS = {"loss": 0.7, "train": 0.6}


class Batches:
    """Records the epochs that are selected."""

    num_batches = 4

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.epochs: list[int] = []

    def set_epoch(self, epoch: int) -> None:
        self.epochs.append(epoch)

    def __getitem__(self, index: int) -> tuple[str, int]:
        return self.name, index


class Validation:
    """Predictions by which the given numbers of images are right in each epoch."""

    outputs = None

    def __init__(self, *right: int) -> None:
        self.labels = {"label": LABELS}
        self._right = list(right)

    def predict(self, model: Any) -> dict[str, Any]:
        right = np.arange(len(LABELS)) < self._right.pop(0)
        predicted = np.where(right, LABELS, 1 - LABELS)
        return {"label": np.where(np.eye(2, dtype=bool)[predicted], 0.9, 0.1)}


def make_model() -> Any:
    import keras

    from metaopt.training.variables import build_optimizer

    layers = [keras.Input((3,)), keras.layers.Dropout(0.5), keras.layers.Dense(2, kernel_regularizer="l2")]
    model = keras.Sequential([*layers, keras.layers.Dropout(0.5)])
    model.compile("sgd", "mse")
    build_optimizer(model)
    return model


class Loop:
    """An epoch loop with its model, its batches and the epochs that it reported."""

    def __init__(
        self,
        *right: tuple[int, ...],
        target: int = 9,
        checkpoint: Path | None = None,
        start: Any = None,
        stop: int | None = None,
        **request: Any,
    ) -> None:
        from metaopt.training.epoch_loop import EpochLoop, FoldedBatches, Start
        from metaopt.training.variables import snapshot

        self.model = make_model()
        self.reported: list[Epoch] = []
        self.batches = [Batches() for _ in right]
        variables = [snapshot(make_model()) for _ in right] if len(right) > 1 else []
        kept = None if checkpoint is None else Checkpoint(checkpoint)
        self.loop: Any = EpochLoop(
            FoldedBatches(self.batches),
            [Validation(*each) for each in right],
            {"label": 1.0},
            make_request(report=lambda epoch: self._report(epoch, stop), folds=len(right), **request),
            target,
            Start(EpochHistory(), variables) if start is None else start,
            kept,
        )
        self.loop.set_model(self.model)
        self.model.stop_training = False

    def _report(self, epoch: Any, stop: int | None) -> bool:
        self.reported.append(epoch)
        return bool(epoch.epoch != stop)

    def run(self, logs: Any = None, first: int = 0) -> "Loop":
        """Run passes until the loop ends the training."""
        number = first
        while not self.model.stop_training:
            self.loop.on_epoch_begin(number)
            # As if it had been trained: every epoch leaves its number in the bias.
            self.model.layers[1].bias.assign([number, 0])
            self.loop.on_epoch_end(number, LOGS if logs is None else logs)
            number += 1
        return self


def history(*accuracies: float) -> EpochHistory:
    metrics = [{"val_accuracy": each} for each in accuracies]
    return EpochHistory(metrics, [1.0] * len(metrics), [()] * len(metrics))


def test_folded_batches_are_those_of_the_current_fold() -> None:
    from metaopt.training.epoch_loop import FoldedBatches

    first, second = Batches("first"), Batches("second")
    batches: Any = FoldedBatches([first, second])
    assert batches.num_batches == 4
    assert batches[2] == ("first", 2)
    batches.begin(5, 1)
    assert batches[2] == ("second", 2)
    assert (first.epochs, second.epochs) == ([], [5])


def test_each_epoch_is_measured_and_reported() -> None:
    done = Loop((1, 3, 2), target=3).run()
    assert [each.epoch for each in done.reported] == [1, 2, 3]
    assert [each.metrics["val_accuracy"] for each in done.reported] == [0.25, 0.75, 0.5]
    assert {each.metrics["loss"] for each in done.reported} == {0.7}
    assert {each.metrics["train"] for each in done.reported} == {0.6}
    assert all(each.seconds >= 0 and each.replicates == () for each in done.reported)
    assert done.batches[0].epochs == [0, 1, 2]
    assert done.loop.tracker.best == 1


def test_total_loss_includes_the_weight_penalties() -> None:
    done = Loop((4,), target=1).run()
    metrics = done.reported[0].metrics
    penalty = 0.01 * float((done.model.get_weights()[0] ** 2).sum())
    assert metrics["val_total_loss"] == pytest.approx(metrics["val_loss"] + penalty, rel=1e-5)
    assert penalty > 0


def test_training_ends_where_the_report_returns_false() -> None:
    done = Loop((1, 1, 1), stop=2).run()
    assert (len(done.reported), done.loop.stopped, done.loop.is_over) == (2, True, True)


def test_early_stopping_ends_the_training() -> None:
    done = Loop((1, 3, 2, 2, 2), early_stopping=2).run()
    assert (len(done.reported), done.loop.tracker.best, done.loop.stopped) == (4, 1, False)


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_non_finite_loss_fails_without_a_report(loss: float) -> None:
    done = Loop((1, 1), target=2).run({"loss": loss})
    assert done.loop.failure == f"loss became {loss} in epoch 1."
    assert done.loop.is_over
    assert done.reported == []


def test_failure_names_the_fold() -> None:
    broken = Loop((1,), (1,), target=1)
    broken.loop.on_epoch_begin(0)
    broken.loop.on_epoch_end(0, LOGS)
    broken.loop.on_epoch_begin(1)
    broken.loop.on_epoch_end(1, {"loss": float("nan")})
    assert broken.loop.failure == "loss became nan in epoch 1 of fold 2."


def test_folds_take_turns_and_are_reported_as_a_mean() -> None:
    done = Loop((1, 2), (3, 4), target=2).run()
    assert [each.metrics["val_accuracy"] for each in done.reported] == [0.5, 0.75]
    assert [[fold["val_accuracy"] for fold in each.replicates] for each in done.reported] == [[0.25, 0.75], [0.5, 1.0]]
    assert done.loop.replicates(1) == [0.5, 1.0]
    assert [each.epochs for each in done.batches] == [[0, 1], [0, 1]]


def test_variables_of_each_fold_are_kept_apart(tmp_path: Path) -> None:
    Loop((1, 2), (1, 2), target=2, checkpoint=tmp_path).run()
    state, _ = Checkpoint(tmp_path).restore()
    assert state is not None
    biases = [
        [array.tolist() for array in arrays if array.shape == (2,) and array.dtype.kind == "f"]
        for arrays in state.folds
    ]
    assert biases == [[[2.0, 0.0]], [[3.0, 0.0]]]  # passes 2 and 3 are the second epoch


def test_checkpoint_holds_the_best_weights_and_the_last_state(tmp_path: Path) -> None:
    done = Loop((1, 3, 2), target=3, checkpoint=tmp_path).run()
    epoch, (weights,) = best_weights(tmp_path)
    assert epoch == 2
    assert weights[1].tolist() == [1.0, 0.0]
    state, _ = Checkpoint(tmp_path).restore()
    assert state is not None
    assert len(state.progress) == 3
    assert done.model.get_weights()[1].tolist() == [2.0, 0.0]


def test_best_weights_of_a_fork_are_saved_with_its_first_state(tmp_path: Path) -> None:
    from metaopt.training.epoch_loop import Start

    weights = make_model().get_weights()
    start = Start(history(0.5, 1.0), [], n_reported=2, best=(2, [weights]))
    Loop((1,), target=3, checkpoint=tmp_path, start=start).run(first=2)
    epoch, (kept,) = best_weights(tmp_path)
    assert epoch == 2
    assert all(np.array_equal(mine, theirs) for mine, theirs in zip(kept, weights, strict=True))


def test_restored_epochs_are_reported() -> None:
    from metaopt.training.epoch_loop import Start

    loop = Loop((), target=9, start=Start(history(0.25, 0.5, 0.75), [], n_reported=1))
    assert [each.metrics["val_accuracy"] for each in loop.reported] == []
    assert len(loop.loop.progress) == 1
    loop.loop.report_restored_epochs()
    assert [(each.epoch, each.metrics["val_accuracy"]) for each in loop.reported] == [(2, 0.5), (3, 0.75)]
    assert not loop.loop.is_over
    assert loop.loop.tracker.best == 2


@pytest.mark.parametrize(("settings", "last"), [({"stop": 2}, 2), ({"target": 3}, 3), ({"early_stopping": 1}, 2)])
def test_restored_epochs_may_end_the_training(settings: dict[str, Any], last: int) -> None:
    from metaopt.training.epoch_loop import Start

    loop = Loop((), start=Start(history(0.5, 0.25, 0.25, 0.25), [], n_reported=1), **settings)
    loop.loop.report_restored_epochs()
    assert loop.reported[-1].epoch == last
    assert loop.loop.is_over


def test_dropout_depends_on_seed_trial_and_epoch_only() -> None:
    """Each dropout layer has a seed of its own in each epoch, whatever was drawn before."""

    from metaopt.training.epoch_loop import Start

    def seeds(epoch: int, **request: Any) -> list[list[int]]:
        loop = Loop((1,), start=Start(history(*[0.5] * epoch), [], n_reported=epoch), **request)
        states = [layer.seed_generator.state for layer in loop.model.layers if hasattr(layer, "seed_generator")]
        for state in states:
            state.assign([1, 2])
        loop.loop.on_epoch_begin(epoch)
        return [np.asarray(state).tolist() for state in states]

    assert seeds(3) == seeds(3)
    first, second = seeds(3)
    assert first != second
    found = [seeds(3), seeds(4), seeds(3, trial=1), seeds(3, seed=1)]
    assert len({tuple(each[0]) for each in found}) == 4


def test_epochs_that_take_long_report_how_far_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """At batch 1 to 3 of each of two folds, of four batches, five seconds each; short epochs report nothing."""
    from metaopt.training import epoch_loop

    for seconds, expected in ((5.0, [0.25, 0.375, 0.5, 0.625, 0.75, 0.875]), (1.0, [])):
        now = [0.0]
        monkeypatch.setattr(epoch_loop.time, "perf_counter", lambda now=now: now[0])
        loop = Loop((2,), (2,), target=1)
        for fold in range(2):
            loop.loop.on_epoch_begin(fold)
            for batch in range(4):
                loop.loop.on_train_batch_begin(batch)
                now[0] += seconds
            loop.loop.on_epoch_end(fold, LOGS)
        *progress, epoch = loop.reported
        assert progress == [EpochProgress(0, 1, fraction) for fraction in expected]
        assert isinstance(epoch, Epoch)
