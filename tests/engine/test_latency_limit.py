"""A search under a limit on the latency: measured trials teach the guard which networks are far too slow."""

import pytest
from hyperopt import hp

from metaopt.blueprint import Blueprint, Conv2D, Dense, Flatten, Input
from metaopt.engine.jobs import Epoch, Finished
from metaopt.engine.setup import ImageKind
from metaopt.problems.problem import Problem
from metaopt.storage.files import Unsynced
from tests.engine.synthetic import SyntheticExecutor, search

SPACE = {"filters": hp.qloguniform("filters", 0, 6, 1), "x": hp.uniform("x", 0, 1)}
IMAGES = ImageKind((16, 16, 1), {"label": 3})
MS_PER_MAC = 1e-5
BOUND_MS = 3.0


def network(point, input_shape, classes):
    inputs = Input(input_shape)
    return Blueprint(inputs, Dense(classes["label"])(Flatten()(Conv2D(max(1, round(point["filters"])), 3)(inputs))))


class Timed(SyntheticExecutor):
    """Trains on paper; the latency follows the multiply-accumulates."""

    def wait(self, handle, timeout=None):
        job = self.jobs.popleft()
        for epoch in range(job.start + 1, job.target_resource + 1):
            accuracy = job.point["filters"] / 500
            handle(Epoch(job.trial, epoch, {"val_accuracy": accuracy, "val_loss": 1 - accuracy}, 0.1))
        macs = network(job.point, *IMAGES_OF).macs
        median = round(0.2 + MS_PER_MAC * macs, 4)
        latency = {"median_ms": median, "low_ms": median, "high_ms": median, "runs": 20, "threads": 1}
        handle(Finished(job.trial, info={"latency": latency}))


IMAGES_OF = (IMAGES.input_shape, IMAGES.classes)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return search(
        tmp_path_factory.mktemp("latency") / "study",
        problem=Problem(SPACE, network),
        images=IMAGES,
        executor=Timed(),
        trials=40,
        constraints=(f"latency_ms<={BOUND_MS:g}",),
        files=Unsynced(),
    )


def test_measured_latencies_are_judged(study) -> None:
    for record in study.records:
        latency = record["latency"]["median_ms"]
        assert record.constraints["latency_ms<=3"] == pytest.approx(latency - BOUND_MS)
        assert record.is_feasible == (latency <= BOUND_MS)
    assert {record.is_feasible for record in study.records} == {True, False}
    assert study.best.is_feasible


def test_networks_far_off_are_not_trained_once_five_were_measured(study) -> None:
    trials = study.state.trials
    assert max(trial.latency["median_ms"] for trial in trials[:5]) > 0
    assert all(trial.latency["median_ms"] <= 2 * BOUND_MS * 1.001 for trial in trials[5:])
    assert study.state.rejected["latency_ms"] > 0
    assert any(trial.latency["median_ms"] > BOUND_MS for trial in trials[5:])  # those that are near are measured


def test_predictions_are_stored_beside_measurements(study) -> None:
    for trial in study.state.trials[5:]:
        assert trial.proposal["predicted_latency_ms"] == pytest.approx(trial.latency["median_ms"], rel=0.01)
    assert "predicted_latency_ms" not in study.state.trials[0].proposal


def test_the_latency_can_be_an_objective(tmp_path) -> None:
    study = search(
        tmp_path / "study",
        problem=Problem(SPACE, network),
        images=IMAGES,
        executor=Timed(),
        trials=12,
        further_objectives=("latency_ms",),
        files=Unsynced(),
    )
    assert [trial.status for trial in study.state.trials] == ["ok"] * 12
    front = [(record.result.values[1], record.latency["median_ms"]) for record in study.front]
    assert front == sorted(front, reverse=True)
    assert all(loss == latency for loss, latency in front)
    assert len(front) > 3  # here a better network is always a slower one
