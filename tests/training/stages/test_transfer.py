"""Training of a network with a pretrained backbone in stages, on cached features."""

import errno
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from metaopt.data import DataSet, DataSpec, load
from metaopt.data.augmentation import BatchAugmentation
from metaopt.data.images import subset
from metaopt.engine.jobs import Epoch, Finished, FromScratch, Job, Remark, TrainingOptions, TrainingRequest
from metaopt.errors import ResultsNotWritable
from metaopt.problems import Problem, Training, load_problem
from metaopt.training import build_and_train
from metaopt.training.batches import Validation
from metaopt.training.checkpoint import best_weights
from metaopt.training.compiled_models import CompiledModels
from metaopt.training.metrics import validation_metrics
from metaopt.training.network_builder import make_builder
from metaopt.training.quick_training import QuickTrainer, find_cost, quick_options
from metaopt.training.retraining import retrain
from metaopt.training.stages import features
from metaopt.training.stages.split import split_frozen
from metaopt.training.variables import set_last_weights
from metaopt.zoo.transfer import HEAD_EPOCHS
from tests.backbones.networks import save_backbone

pytestmark = pytest.mark.slow
SIDE, CLASSES = 16, 3
SHARES = (0.0, 0.5, 1.0)


@pytest.fixture(scope="module", autouse=True)
def own_features(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("features")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(features, "lasting", lambda _: folder)
        yield folder


@pytest.fixture(scope="module")
def models() -> CompiledModels:
    return CompiledModels()


@pytest.fixture(scope="module")
def problem() -> Problem:
    transfer = load_problem("transfer")
    return replace(transfer, training=lambda point: _shorter(transfer.training(point)))


def _shorter(training: Any) -> Any:
    assert training.fine_tuning is not None
    head_epochs = min(2, training.fine_tuning.head_epochs)
    return replace(training, fine_tuning=replace(training.fine_tuning, head_epochs=head_epochs))


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_backbone(tmp_path_factory.mktemp("backbones") / "base.keras"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    path = tmp_path_factory.mktemp("data") / "colours.npz"
    rng = np.random.default_rng(0)
    labels = np.arange(60) % CLASSES
    images = rng.integers(0, 160, (60, SIDE, SIDE, 3), dtype=np.uint8)
    images[np.arange(60), ..., labels] += 90
    np.savez(path, x_train=images, y_train=labels)
    return load(DataSpec(str(path), augment="flip"))


def make_point(backbone: str, share: float, **others: Any) -> dict[str, Any]:
    tuning = {"share": share, "learning_rate": 3e-3} if share else {"share": 0.0}
    point = {
        "backbone": backbone,
        "image_size": 24,
        "tuning": tuning,
        "augmentation": "light",
        "pooling": "avg+max",
        "head": {"units": 0},
        "dropout": 0.1,
        "l2": 0.001,
        "learning_rate": 1e-2,
        "batch_size": 8,
        "weight_decay": 0.01,
        "label_smoothing": 0.1,
        "warmup": 1,
    }
    return {**point, **others}


def make_request(point: Any, folds: int, race: bool, models: CompiledModels) -> TrainingRequest:
    options = TrainingOptions(folds=folds, race=race)
    job = Job(0, point, FromScratch(), 1, options=options, rung_levels=(1, 2, 3, 4))
    return TrainingRequest(job, compiled_models=models)


@pytest.mark.parametrize("share", SHARES)
def test_the_whole_network_predicts_what_was_validated_on_features(
    problem: Problem, backbone: str, data: DataSet, share: float, tmp_path: Path
) -> None:
    point = make_point(backbone, share)
    record = build_and_train(problem, point, data, epochs=4, checkpoint=tmp_path / "trial")
    epoch, (weights,) = best_weights(tmp_path / "trial")
    network = make_builder(problem, point, data).build()
    set_last_weights(network, weights)
    validation = Validation(data.validation, ["label"], 8, data.outputs)
    found = validation_metrics(validation.predict(network), validation.labels, data.outputs)
    assert epoch == record["best_epoch"]
    assert found["val_loss"] == pytest.approx(record["scores"]["best"]["val_loss"], rel=5e-3)  # features are float16
    assert record["params"] == network.count_params()


@pytest.mark.parametrize(("folds", "race"), [(1, False), (2, False), (3, True)])
def test_a_training_that_is_interrupted_in_any_stage_continues_bit_for_bit(
    problem: Problem, backbone: str, data: DataSet, folds: int, race: bool, models: CompiledModels, tmp_path: Path
) -> None:
    point = make_point(backbone, 0.5)
    run = make_request(point, folds, race, models)
    whole = build_and_train(problem, point, data, epochs=4, checkpoint=tmp_path / "whole", run=run)
    for epochs in (1, 2, 3, 4):  # in the first stage, at its end, in the second one
        parts = build_and_train(problem, point, data, epochs=epochs, checkpoint=tmp_path / "parts", run=run)
    assert parts["history"] == whole["history"]
    expected, found = (best_weights(tmp_path / name) for name in ("whole", "parts"))
    assert expected[0] == found[0]
    for one, other in zip(expected[1], found[1], strict=True):
        for own, theirs in zip(one, other, strict=True):
            np.testing.assert_array_equal(own, theirs)


def test_a_race_judges_folds_at_the_end_of_the_job_only(
    problem: Problem, backbone: str, data: DataSet, models: CompiledModels
) -> None:
    """A fold with a trained head alone is worse than the trials that have tuned the backbone."""
    seen: list[Epoch] = []
    request = make_request(make_point(backbone, 0.5), 3, True, models)
    request = replace(request, report=lambda epoch: seen.append(epoch) or True)
    build_and_train(problem, request.job.point, data, epochs=4, run=request)
    ends = [(each.fold, each.epoch) for each in seen if each.fold is not None and each.ends_fold]
    assert ends == [(0, 4), (1, 4)]  # the epochs of the last fold are those of all folds


def test_tuning_leaves_batch_normalisation_and_the_frozen_part_as_they_were(
    problem: Problem, backbone: str, data: DataSet
) -> None:
    point = make_point(backbone, 1.0)
    trained = retrain(problem, point, data, epochs=3, seed=0).network
    original = make_builder(problem, point, data).build()
    parts = [next(each for each in one.layers if isinstance(each, keras.Model)) for one in (trained, original)]
    for layer in parts[0].layers:
        own, theirs = layer.get_weights(), parts[1].get_layer(layer.name).get_weights()
        same = all(np.array_equal(one, other) for one, other in zip(own, theirs, strict=True))
        if own:
            assert same == isinstance(layer, keras.layers.BatchNormalization), layer.name


def test_retraining_goes_through_the_same_stages(problem: Problem, backbone: str, data: DataSet) -> None:
    point = make_point(backbone, 0.5, augmentation="strong")
    losses: list[float] = []
    result = retrain(problem, point, data, epochs=4, seed=1, report=lambda epoch, loss, seconds: losses.append(loss))
    assert len(losses) == 4
    assert losses[-1] < losses[0]
    assert result.counts.params == problem.blueprint(point, data.input_shape, data.classes).params
    assert result.network.input_shape == (None, SIDE, SIDE, 3)


def test_a_quick_training_measures_an_epoch_of_each_stage(problem: Problem, backbone: str, data: DataSet) -> None:
    trainer = QuickTrainer(problem, data)
    trainer.setup(quick_options(TrainingOptions()))
    end = trainer.train(Job(0, make_point(backbone, 0.5), FromScratch(), 2), lambda _: True)
    assert isinstance(end, Finished)
    cost = find_cost(end)
    assert cost.head_epochs == HEAD_EPOCHS
    assert min(cost.epoch_s, cost.tuned_epoch_s) > 0


def test_features_are_computed_once_for_all_networks_over_a_backbone(
    problem: Problem, backbone: str, data: DataSet, own_features: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_and_train(problem, make_point(backbone, 0.0), data, epochs=2)
    computed = []
    compute = features.FeatureStore._compute
    monkeypatch.setattr(features.FeatureStore, "_compute", lambda *given: computed.append(given[1]) or compute(*given))
    build_and_train(problem, make_point(backbone, 0.0, pooling="max", head={"units": 4}), data, epochs=2)
    assert computed == []
    build_and_train(problem, make_point(backbone, 0.0, image_size=32, augmentation="none"), data, epochs=1)
    assert computed == [0]


def test_a_fold_of_a_data_set_has_features_of_its_own(problem: Problem, backbone: str, data: DataSet) -> None:
    """Folds have equal sizes, perhaps the same first image, and the fingerprint of the whole data set."""
    blueprint = problem.blueprint(make_point(backbone, 0.0), data.input_shape, data.classes)
    split = split_frozen(blueprint, lambda _: True)
    assert split is not None
    found = []
    for rows in ([0, 1, 2, 3], [0, 4, 5, 6]):
        images = subset(data.everything(), np.array(rows))
        own = replace(data, _everything=images)
        store = features.FeatureStore(own, split.frozen, BatchAugmentation("none", Training(), {}))
        found.append(store.read(0)[store.positions(images)])
    np.testing.assert_array_equal(found[0][0], found[1][0])
    assert not (found[0][1:] == found[1][1:]).all()


def test_damaged_features_are_computed_again(
    problem: Problem, backbone: str, data: DataSet, own_features: Path
) -> None:
    point = make_point(backbone, 0.0)
    expected = build_and_train(problem, point, data, epochs=2)["history"]
    for path in own_features.glob("*.npy"):
        path.write_bytes(path.read_bytes()[:50])
    assert build_and_train(problem, point, data, epochs=2)["history"] == expected


def test_the_features_that_were_not_used_for_longest_are_removed(
    own_features: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for number in range(4):
        path = tmp_path / f"{number}.npy"
        path.write_bytes(bytes(100))
        features.os.utime(path, (number, number))
    for name, age_s in (("killed.tmp", 2 * 86400), ("written.tmp", 60), ("0.npy.lock", 2 * 86400)):
        path = tmp_path / name
        path.write_bytes(bytes(100))
        features.os.utime(path, (time.time() - age_s,) * 2)
    monkeypatch.setattr(features, "MOST_BYTES", 250)
    features._remove_unused(tmp_path, tmp_path / "3.npy")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2.npy", "3.npy", "written.tmp"]


def test_a_full_disk_costs_the_features_of_other_searches(
    problem: Problem, backbone: str, data: DataSet, own_features: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in own_features.glob("*.npy"):
        path.unlink()
    old, new = own_features / "old.npy", own_features / "new.npy"
    for path, age_s in ((old, 7200), (new, 60)):
        path.write_bytes(bytes(100))
        features.os.utime(path, (time.time() - age_s,) * 2)
    save = np.save

    def fill(file: Any, array: Any, **options: Any) -> None:
        if old.exists() or is_hopeless:
            raise OSError(errno.ENOSPC, "No space left on device")
        save(file, array, **options)

    monkeypatch.setattr(features.np, "save", fill)
    point, is_hopeless = make_point(backbone, 0.0, image_size=40), True
    with pytest.raises(ResultsNotWritable, match=r"The cache of features .* cannot be written .*TMPDIR"):
        build_and_train(problem, point, data, epochs=1)
    old.write_bytes(bytes(100))
    features.os.utime(old, (time.time() - 7200,) * 2)
    is_hopeless = False
    assert build_and_train(problem, point, data, epochs=1)["epochs"] == 1
    assert not old.exists()
    assert new.exists()


def test_a_state_of_other_folds_is_trained_again_from_the_first_stage(
    problem: Problem, backbone: str, data: DataSet, models: CompiledModels, tmp_path: Path
) -> None:
    point, said = make_point(backbone, 0.5), []
    whole = build_and_train(
        problem, point, data, epochs=4, checkpoint=tmp_path / "whole", run=make_request(point, 2, False, models)
    )
    build_and_train(
        problem, point, data, epochs=3, checkpoint=tmp_path / "a", run=make_request(point, 3, False, models)
    )
    request = make_request(point, 2, False, models)
    request = replace(request, report=lambda message: said.append(message) or True)
    again = build_and_train(problem, point, data, epochs=4, checkpoint=tmp_path / "a", run=request)
    assert again["history"] == whole["history"]
    assert [each.text for each in said if isinstance(each, Remark)] == [
        "The checkpoint of trial 0 belongs to other folds: it is trained again from the start."
    ]
    assert [each.epoch for each in said if isinstance(each, Epoch)] == [1, 2, 3, 4]


def test_a_file_that_another_worker_removes_meanwhile_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "features.npy"
    np.save(path, np.arange(3, dtype=np.float16))
    read = np.load
    monkeypatch.setattr(features.np, "load", lambda *given, **options: (read(*given, **options), path.unlink())[0])
    np.testing.assert_array_equal(features._load(path), [0, 1, 2])


def test_features_beyond_float16_are_kept_as_float32(tmp_path: Path, data: DataSet) -> None:
    images = keras.Input((None, None, 3))
    large = keras.layers.Conv2D(2, 3, kernel_initializer=keras.initializers.Constant(1e3))
    outputs = large(keras.layers.Rescaling(1.0)(images))
    keras.Model(images, outputs).save(tmp_path / "large.keras")
    transfer = load_problem("transfer")
    point = make_point(str(tmp_path / "large.keras"), 0.0)
    split = split_frozen(transfer.blueprint(point, data.input_shape, data.classes), lambda _: True)
    assert split is not None
    found = features.FeatureStore(data, split.frozen, BatchAugmentation("none", Training(), {})).read(0)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert found.max() > 65504
