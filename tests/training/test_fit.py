"""Training of one network; each test trains a tiny one for a few epochs."""

import importlib
import json
import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from metaopt.data import DataSet
from metaopt.engine.checkpoints import Checkpoints
from metaopt.engine.jobs import Epoch, Remark, TrainingRequest
from metaopt.errors import QuotaTooSmall
from metaopt.problems.augmentation_policy import AugmentationPolicy
from metaopt.problems.problem import Problem
from metaopt.problems.training_config import Training
from metaopt.training import NetworkRefused, build_and_train
from metaopt.training.checkpoint import Checkpoint, TrainingState, best_weights
from metaopt.trials.constraints import Constraint, parse_constraints
from metaopt.zoo import wide_resnet
from tests.training.requests import make_request

pytestmark = pytest.mark.slow  # trains with Keras

WEAK_AUGMENTATION = AugmentationPolicy(
    shift=0.1, rotate=5, contrast=0.1, randaugment_count=1, randaugment_magnitude=2, cutout=0.2, mixup=0.2, cutmix=0.2
)
tiny_problem = importlib.import_module("tests.training.tiny_problem")


def state_of(directory: Path) -> TrainingState:
    state, damaged = Checkpoint(directory).restore()
    assert state is not None
    assert not damaged
    return state


def same(one: Path, other: Path) -> bool:
    """Tell whether two directories hold the same variables of every fold and the same best weights, bit for bit."""
    pairs = [(state_of(one).folds, state_of(other).folds), (best_weights(one)[1], best_weights(other)[1])]
    return all(
        len(a) == len(b) and all(x.dtype == y.dtype and x.tobytes() == y.tobytes() for x, y in zip(a, b, strict=True))
        for first, second in pairs
        for a, b in zip(first, second, strict=True)
    )


def test_record_describes_the_training(tiny: DataSet, tmp_path: Path) -> None:
    seen: list[Epoch] = []
    run = make_request(4, seed=3, report=lambda epoch: seen.append(epoch) or True)
    record = build_and_train(tiny_problem, {}, tiny, epochs=5, checkpoint=tmp_path, run=run)
    assert record == json.loads(json.dumps(record))
    assert record["status"] == "ok"
    assert record["complete"]
    assert (record["epochs"], record["seed"]) == (5, 3)
    history = record["history"]
    names = {"loss", "train", "val_total_loss", "val_loss", "val_accuracy", "val_top3", "val_precision"}
    names |= {"val_balanced_accuracy", "val_f1"}
    heads = {f"val_{head}_{metric}" for head in ("fine", "coarse") for metric in ("loss", "accuracy")}
    assert set(history) == names | heads
    assert [(each.trial, each.epoch) for each in seen] == [(4, n) for n in range(1, 6)]
    assert [each.metrics["val_loss"] for each in seen] == history["val_loss"]
    best = record["best_epoch"] - 1
    assert history["val_accuracy"][best] == max(history["val_accuracy"]) == -record["loss"]
    assert record["scores"]["best"]["val_loss"] == history["val_loss"][best]
    assert record["scores"]["end"]["val_loss"] == history["val_loss"][-1]
    assert history["val_accuracy"][best] > 0.6  # a quarter is chance
    assert record["params"] == 4 * 9 + 4 + 4 * 4 + (144 * 4 + 4) + (144 * 2 + 2)
    assert record["macs"] == 36 * 9 * 4 + 144 * 4 + 144 * 2
    assert record["seconds"] >= sum(each.seconds for each in seen)
    assert {"keras", "numpy", "python"} <= set(record["versions"])
    assert record["threads"] >= 1


def test_latency_is_measured_where_a_constraint_asks(tiny: DataSet) -> None:
    limits = parse_constraints(["latency_ms<=1000"])
    record = build_and_train(tiny_problem, {}, tiny, epochs=1, run=make_request(epochs=1, constraints=limits))
    assert 0 < record["latency"]["low_ms"] <= record["latency"]["median_ms"] < 1000
    assert record == json.loads(json.dumps(record))
    assert "latency" not in build_and_train(tiny_problem, {}, tiny, epochs=1)


def test_metrics_equal_those_of_keras_at_the_best_weights(tiny: DataSet, tmp_path: Path) -> None:
    import keras

    from metaopt.training import compile_model
    from metaopt.training.batches import scale
    from metaopt.training.variables import assign, build_optimizer

    record = build_and_train(
        tiny_problem, {}, tiny, epochs=4, checkpoint=tmp_path, run=make_request(objective="val_loss")
    )
    images, labels = tiny.validation.batch(np.arange(len(tiny.validation)))
    network = tiny_problem.network({}, tiny.input_shape, tiny.classes)
    for name, scores in (("best", record["scores"]["best"]), ("last", record["scores"]["end"])):
        model = compile_model(network.to_keras(), tiny_problem.training({}), tiny.classes)
        build_optimizer(model)
        if name == "best":
            model.set_weights(best_weights(tmp_path)[1][0])
        else:
            assign(model, state_of(tmp_path).folds[0])
        logs = model.evaluate(scale(images), labels, batch_size=len(images), verbose=0, return_dict=True)
        assert scores["val_total_loss"] == pytest.approx(logs["loss"], rel=1e-4)
        assert scores["val_loss"] == pytest.approx(logs["fine_loss"], rel=1e-4)
        assert scores["val_coarse_loss"] == pytest.approx(logs["coarse_loss"], rel=1e-4)
    keras.utils.clear_session()


def test_infeasible_epoch_is_not_the_best(tiny: DataSet, tmp_path: Path) -> None:
    """The best weights are of the epoch that the record names."""
    free = build_and_train(tiny_problem, {}, tiny, epochs=4, run=make_request(objective="val_loss"))
    most = min(free["history"]["val_coarse_loss"][:2])  # which only the first epochs keep
    limit = Constraint("val_coarse_loss", False, most)
    kept = [epoch for epoch, value in enumerate(free["history"]["val_coarse_loss"], 1) if value >= most]
    run = make_request(objective="val_loss", constraints=(limit,))
    record = build_and_train(tiny_problem, {}, tiny, epochs=4, checkpoint=tmp_path, run=run)
    assert record["history"]["val_loss"] == free["history"]["val_loss"]
    assert free["best_epoch"] not in kept
    assert record["best_epoch"] == min(kept, key=lambda epoch: free["history"]["val_loss"][epoch - 1])
    assert record["loss"] == record["history"]["val_loss"][record["best_epoch"] - 1]
    assert best_weights(tmp_path)[0] == record["best_epoch"]
    assert best_weights(tmp_path)[1][0][0].tolist() != state_of(tmp_path).folds[0][0].tolist()


def test_early_stopping_ends_after_patience(tiny: DataSet) -> None:
    # Nothing is learned, so the first epoch stays the best.
    point = {"learning_rate": 1e-30, "optimizer": "SGD"}
    record = build_and_train(
        tiny_problem, point, tiny, epochs=50, run=make_request(early_stopping=2, objective="val_accuracy")
    )
    assert record["epochs"] <= 10  # batch normalisation still learns its averages
    assert record["epochs"] == record["best_epoch"] + 2
    assert record["complete"]


def test_training_ends_where_the_report_returns_false(tiny: DataSet) -> None:
    record = build_and_train(tiny_problem, {}, tiny, epochs=9, run=make_request(report=lambda epoch: epoch.epoch < 2))
    assert record["epochs"] == 2
    assert not record["complete"]


def test_divergence_is_a_failure(tiny: DataSet, tmp_path: Path) -> None:
    point = {"learning_rate": 1e30, "optimizer": "SGD"}
    record = build_and_train(tiny_problem, point, tiny, epochs=9, checkpoint=tmp_path)
    assert (record["status"], record["cause"]) == ("fail", "diverged")
    assert record["error"].startswith("loss became ")
    assert record["epochs"] < 9
    assert all(math.isfinite(value) for values in record["history"].values() for value in values)
    assert record == json.loads(json.dumps(record))


def build_model(point: Any, input_shape: tuple[int, ...], classes: dict[str, int]) -> Any:
    """Logits from one unnamed output, compiled by the user."""
    import keras

    layers = [keras.Input(input_shape), keras.layers.Conv2D(2, point["kernel"]), keras.layers.Flatten()]
    model = keras.Sequential([*layers, keras.layers.Dense(classes["fine"])])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


KERAS_MODEL = Problem(None, build_model=build_model, training=lambda point: Training(batch_size=60))


def test_build_model_may_return_any_keras_model(tiny: DataSet) -> None:
    record = build_and_train(KERAS_MODEL, {"kernel": 3}, tiny, epochs=2)
    assert record["params"] == 2 * 9 + 2 + 72 * 4 + 4
    assert record["macs"] == 36 * 9 * 2 + 72 * 4
    assert record["history"]["val_loss"] == pytest.approx(record["history"]["val_total_loss"])
    assert record["history"]["val_loss"][-1] < 3


@pytest.mark.parametrize(
    ("point", "constraints", "reason", "detail"),
    [
        ({"kernel": 9}, [], "invalid architecture", ""),
        ({"kernel": 3}, ["params<=311"], "params", "params is 312, more than the limit of 311."),
        ({"kernel": 3}, ["macs<=100"], "macs", "macs is 936"),
        ({"kernel": 3}, ["memory<=1000"], "memory", "memory is "),
    ],
)
def test_build_model_is_refused_before_training(
    tiny: DataSet, point: Any, constraints: list[str], reason: str, detail: str
) -> None:
    run = make_request(constraints=parse_constraints(constraints))
    with pytest.raises(NetworkRefused) as refused:
        build_and_train(KERAS_MODEL, point, tiny, epochs=2, run=run)
    assert refused.value.reason == reason
    assert refused.value.detail.startswith(detail)


@pytest.mark.parametrize(("trial", "is_said"), [(0, True), (1, False)])
def test_layers_without_a_rule_are_named_once(tiny: DataSet, trial: int, is_said: bool) -> None:
    import keras

    def own_layer(point: Any, input_shape: Any, classes: Any) -> keras.Model:
        trained = build_model({"kernel": 3}, input_shape, classes)
        inputs = keras.Input(input_shape)
        model = keras.Model(inputs, trained(keras.layers.Lambda(lambda x: x)(inputs)))
        model.compile("sgd", trained.loss)
        return model

    remarks = []
    run = make_request(report=lambda message: isinstance(message, Remark) and remarks.append(message.text), trial=trial)
    problem = replace(KERAS_MODEL, build_model=own_layer)
    assert "macs" not in build_and_train(problem, {}, tiny, epochs=1, run=run)
    sentence = "MACs are not recorded: no rule counts those of the layers Lambda."
    assert remarks == [sentence] * is_said


def test_bounds_that_are_met_refuse_nothing(tiny: DataSet) -> None:
    run = make_request(constraints=parse_constraints(["params<=312", "macs<=936", "memory<=1e9"]))
    assert build_and_train(KERAS_MODEL, {"kernel": 3}, tiny, epochs=1, run=run)["status"] == "ok"


def test_a_plain_object_with_a_network_is_a_problem(tiny: DataSet) -> None:
    problem = SimpleNamespace(network=tiny_problem.network)
    point = {"optimizer": "Nadam", "batch_size": 100.0}
    assert build_and_train(problem, point, tiny, epochs=1)["epochs"] == 1


@pytest.mark.parametrize("changes", [{"mixup": 0.3, "cutout": 3}, {"augmentation": WEAK_AUGMENTATION}])
def test_resume_of_an_annealed_training_is_exact(tiny: DataSet, tmp_path: Path, changes: dict[str, Any]) -> None:
    """With Nesterov momentum, restarts at the rungs, label smoothing, mixup and cutout, or an augmentation policy."""

    def train(where: str, epochs: int, **run: Any) -> dict[str, Any]:
        request = make_request(rung_levels=(1, 3), schedule="cosine", **run)
        return build_and_train(annealed, {}, tiny, epochs=epochs, checkpoint=tmp_path / where, run=request)

    options = {"momentum": 0.9, "nesterov": True}
    training = Training("SGD", 0.05, 50, weight_decay=0.01, label_smoothing=0.1, options=options, **changes)
    annealed = Problem(None, tiny_problem.network, training=lambda point: training)
    whole = train("whole", 3)
    train("parts", 1)
    parts = train("parts", 3, start=1, compiled_models=None)  # as in another process
    assert parts["history"] == whole["history"]
    assert same(tmp_path / "parts", tmp_path / "whole")
    assert whole["history"]["train"][-1] < whole["history"]["train"][0]


def test_cosine_falls_over_the_whole_training(tiny: DataSet) -> None:
    """A longer training has another learning rate in its second epoch than a shorter one, unless cycles are given."""

    def train(epochs: int, **run: Any) -> list[float]:
        record = build_and_train(tiny_problem, {}, tiny, epochs=epochs, run=make_request(**run))
        return record["history"]["train"]

    constant = train(3)
    assert train(2) == constant[:2]
    falling, cycle = train(3, schedule="cosine"), train(3, schedule="cosine", rung_levels=(3,))
    assert falling == cycle
    assert train(2, schedule="cosine") != falling[:2]
    assert train(2, schedule="cosine", rung_levels=(3,)) == falling[:2]
    assert falling[0] != constant[0]


def test_cosine_rung_is_one_cycle_up_to_the_rung(tiny: DataSet, tmp_path: Path) -> None:
    def train(epochs: int, where: str | None = None, **run: Any) -> list[float]:
        kept = None if where is None else tmp_path / where
        record = build_and_train(tiny_problem, {}, tiny, epochs=epochs, checkpoint=kept, run=make_request(**run))
        return record["history"]["train"]

    rungs = {"schedule": "cosine-rung", "rung_levels": (1, 3)}
    whole = train(3, **rungs)
    assert whole == train(3, schedule="cosine", rung_levels=(3,))
    first = train(1, "parts", **rungs)
    assert first == train(1, schedule="cosine", rung_levels=(1,)) != whole[:1]
    assert train(3, "parts", start=1, **rungs) != whole


def test_resume_of_shaken_branches_is_exact(tiny: DataSet, tmp_path: Path) -> None:
    """In a wide residual network, shake-shake and shake-drop draw from the trial and the epoch alone."""
    hyperparameters = {
        **wide_resnet.default_point,
        **dict.fromkeys([f"nr_residual_blocks_{group}" for group in (1, 2, 3)], 1),
        **dict.fromkeys([f"widen_factor_{group}" for group in (1, 2, 3)], 0.5),
        **{"initial_filters": 8, "res_branches_1": 3, "death_rate": 0.9, "mixup_alpha": 0.3, "cutout_length": 3},
    }

    def train(where: str, epochs: int, **run: Any) -> dict[str, Any]:
        request = make_request(rung_levels=(1, 2), **run)
        return build_and_train(
            wide_resnet, hyperparameters, tiny, epochs=epochs, checkpoint=tmp_path / where, run=request
        )

    whole = train("whole", 2)
    train("parts", 1)
    assert train("parts", 2, start=1, compiled_models=None)["history"] == whole["history"]
    assert same(tmp_path / "parts", tmp_path / "whole")
    assert train("other", 2, trial=1)["history"] != whole["history"]


@pytest.mark.parametrize("optimizer", ["Adam", "SGD"])
@pytest.mark.parametrize("folds", [1, 2])
def test_quota_is_checked_before_the_first_epoch(tiny: DataSet, tmp_path: Path, optimizer: str, folds: int) -> None:
    """The size that the message names holds the files of a training."""
    reports: list[Any] = []

    def train(quota: int) -> None:
        run = make_request(report=lambda message: reports.append(message) or True, folds=folds)
        run = TrainingRequest(replace(run.job, checkpoint_quota=quota), run.report)
        point = {"filters": 4, "optimizer": optimizer}
        build_and_train(tiny_problem, point, tiny, epochs=3, checkpoint=tmp_path / "checkpoints" / "000000", run=run)

    with pytest.raises(QuotaTooSmall, match="The checkpoint of trial 0 takes up to") as error:
        train(1000)
    assert reports == []
    least = int(str(error.value).rpartition("at least ")[2].removesuffix("MB.")) * 10**6
    train(least)
    assert len(reports) == 3
    Checkpoints(tmp_path, "needed", quota=least).clear(needed={0}, useful=[])
