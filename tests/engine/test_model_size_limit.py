"""A search under a limit on the size of the exported model."""

import pytest
from hyperopt import hp

from metaopt.blueprint import Blueprint, Conv2D, Dense, Flatten, Input
from metaopt.engine.jobs import Epoch, Finished, Rejected
from metaopt.engine.setup import ImageKind
from metaopt.problems.model_size import predict_model_bytes
from metaopt.problems.problem import Problem
from metaopt.storage.files import Unsynced
from tests.engine.synthetic import SyntheticExecutor, search

SPACE = {"filters": hp.qloguniform("filters", 0, 6, 1), "x": hp.uniform("x", 0, 1)}
IMAGES = ImageKind((16, 16, 1), {"label": 3})
BOUND = 200_000
SHARE = 1.05  # size of the file by the predicted one, beside the weights


def network(point, input_shape, classes):
    inputs = Input(input_shape)
    return Blueprint(inputs, Dense(classes["label"])(Flatten()(Conv2D(max(1, round(point["filters"])), 3)(inputs))))


def size_of(point) -> int:
    blueprint = network(point, IMAGES.input_shape, IMAGES.classes)
    weights = 4 * blueprint.params
    return weights + round(SHARE * (predict_model_bytes(blueprint) - weights))


class Sized(SyntheticExecutor):
    """Trains on paper; the size of a model is a little larger than predicted."""

    def wait(self, handle, timeout=None):
        job = self.jobs.popleft()
        size = size_of(job.point)
        if any(each.name == "model_bytes" and size > each.bound for each in job.options.constraints):
            handle(Rejected(job.trial, "model_bytes", f"The exported model has {size} bytes."))
            return
        for epoch in range(job.start + 1, job.target_resource + 1):
            accuracy = job.point["filters"] / 500
            handle(Epoch(job.trial, epoch, {"val_accuracy": accuracy, "val_loss": 1 - accuracy}, 0.1))
        handle(Finished(job.trial, info={"model_bytes": size}))


def run(folder, **settings):
    return search(
        folder / "study", problem=Problem(SPACE, network), images=IMAGES, executor=Sized(), files=Unsynced(), **settings
    )


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return run(tmp_path_factory.mktemp("size"), trials=40, constraints=("model_bytes<=200kB",))


def test_sizes_are_recorded_and_judged(study) -> None:
    assert len(study.records) == 40
    for record in study.records:
        assert record["model_bytes"] == size_of(record.point)
        assert record.constraints["model_bytes<=200000"] == record["model_bytes"] - BOUND <= 0


def test_networks_that_are_surely_too_large_are_never_built(study) -> None:
    assert study.state.rejected["model_bytes"] > 0
    built = [trial.proposal["predicted_model_bytes"] for trial in study.state.trials]
    assert max(built) < 1.1 * BOUND


def test_repair_keeps_the_predicted_limit(study) -> None:
    """Half of the prior is beyond the limit; what is repaired lies near it."""
    sizes = [record["model_bytes"] for record in study.records]
    assert max(sizes) > 0.8 * BOUND


def test_the_size_can_be_an_objective(tmp_path) -> None:
    study = run(tmp_path, trials=12, further_objectives=("model_bytes",))
    front = [(record.result.values[1], record["model_bytes"]) for record in study.front]
    assert front == sorted(front, reverse=True)
    assert all(loss == size for loss, size in front)
    assert len(front) > 3  # here a better network is always a larger one
