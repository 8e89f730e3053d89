"""Trainings with the compiled model of an earlier one: the same results, bit for bit, as with a new model."""

import gc
import os
import shutil
import signal
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from metaopt.data import DataSet, DataSpec
from metaopt.engine.jobs import Epoch, Failed, Finished, ForkOf, Origin, WeightsOf
from metaopt.executors import Processes
from metaopt.problems.problem import Problem
from metaopt.problems.training_config import Training
from metaopt.training import KerasTrainer, build_and_train
from metaopt.training.compiled_models import CompiledModels
from tests.training import tiny_problem
from tests.training.requests import make_job, make_request
from tests.training.test_fit import same

pytestmark = pytest.mark.slow  # trains with Keras


class Counted(CompiledModels):
    """Counts the trainings that found their model."""

    found = 0

    def take(self, key: str) -> Any:
        model = super().take(key)
        self.found += model is not None
        return model


class Trainings:
    """Trains trials in folders, with kept models or with new ones."""

    def __init__(self, data: DataSet, folder: Path, problem: Any = tiny_problem) -> None:
        self.data, self.folder, self.problem = data, folder, problem
        self.models = Counted()

    def __call__(self, where: str, epochs: int, *, keeps: bool = True, **job: Any) -> dict[str, Any]:
        point = job.pop("point", {})
        request = replace(make_request(**job), compiled_models=self.models if keeps else None)
        return build_and_train(
            self.problem, point, self.data, epochs=epochs, checkpoint=self.folder / where, run=request
        )


@pytest.fixture
def train(tiny: DataSet, tmp_path: Path) -> Trainings:
    return Trainings(tiny, tmp_path)


def with_options(point: dict[str, Any]) -> Training:
    return Training(point["optimizer"], 0.01, 50, {"coarse": 0.3}, point.get("schedule", "constant"), **point["more"])


@pytest.mark.parametrize(
    ("point", "options"),
    [
        ({"optimizer": "Adam", "more": {}}, {"folds": 2}),
        ({"optimizer": "AdamW", "more": {"options": {"use_ema": True}}}, {}),
        ({"optimizer": "Nadam", "more": {"weight_decay": 0.1}, "schedule": "cosine"}, {"rung_levels": (2, 5)}),
    ],
    ids=lambda value: str(value.get("optimizer", "")),
)
def test_resume_with_the_kept_model_is_bit_identical(
    tiny: DataSet, tmp_path: Path, point: dict[str, Any], options: dict[str, Any]
) -> None:
    """With dropout, batch normalisation, shifts and a last batch that is smaller."""
    problem = Problem(None, network=tiny_problem.network, training=with_options)
    train = Trainings(tiny, tmp_path, problem)
    whole = train("whole", 5, keeps=False, point=point, **options)
    train("parts", 2, point=point, **options)
    train("other", 1, point={**point, "filters": 2}, trial=9, **options)
    parts = train("parts", 5, point=point, start=2, **options)
    assert train.models.found == 1
    assert parts["history"] == whole["history"]
    assert same(tmp_path / "parts", tmp_path / "whole")


def test_a_new_trial_with_a_kept_model_is_bit_identical(train: Trainings) -> None:
    """Whose learning rate, seed and weights differ."""
    point = {"learning_rate": 0.003}
    train("first", 2)
    kept = train("kept", 2, trial=1, point=point)
    new = train("new", 2, trial=1, point=point, keeps=False)
    assert train.models.found == 1
    assert kept["history"] == new["history"]
    assert same(train.folder / "kept", train.folder / "new")


@pytest.mark.parametrize("kind", ["fork", "weights"])
def test_other_origins_with_a_kept_model_are_bit_identical(train: Trainings, kind: str) -> None:
    train("first", 2)
    first = str(train.folder / "first")
    origin: Origin = ForkOf(0, first, 2) if kind == "fork" else WeightsOf(0, {}, first)
    point = {"learning_rate": 0.002}
    kept, new = (
        train(where, 4, keeps=where == "kept", trial=1, point=point, origin=origin, inherit=True)
        for where in ("kept", "new")
    )
    assert train.models.found == 1
    assert kept["inherited"] == new["inherited"]
    assert kept["history"] == new["history"]
    assert same(train.folder / "kept", train.folder / "new")


def test_a_lost_checkpoint_with_a_kept_model_starts_anew(train: Trainings) -> None:
    whole = train("whole", 3, keeps=False)
    train("parts", 2)
    shutil.rmtree(train.folder / "parts")
    assert train("parts", 3, start=2)["history"] == whole["history"]
    assert train.models.found == 1


def test_kept_models_hold_no_images(tiny: DataSet, tmp_path: Path) -> None:
    train = Trainings(replace(tiny), tmp_path)
    images = weakref.ref(train.data)
    train("a", 1)
    del train.data
    gc.collect()
    assert len(train.models) == 1
    assert images() is None


def test_models_of_user_callbacks_are_not_kept(train: Trainings) -> None:
    import keras

    request = replace(make_request(), compiled_models=train.models)
    callbacks = [keras.callbacks.Callback()]  # it could change the model
    build_and_train(tiny_problem, {}, train.data, epochs=1, run=request, callbacks=callbacks)
    assert len(train.models) == 0


def test_a_killed_worker_loses_its_kept_models_only(tiny_spec: DataSpec, tmp_path: Path) -> None:
    history: dict[str, list[Any]] = {"whole": [], "parts": []}

    def run(where: str, *, killed_at: int | None = None, **job: Any) -> Any:
        reports: list[Any] = []

        def handle(report: Any) -> bool:
            if isinstance(report, Epoch):
                history[where].append(report.metrics)
                if report.epoch == killed_at:
                    os.kill(executor.pids[0], signal.SIGKILL)
            reports.append(report)
            return True

        executor.submit(make_job(checkpoint=str(tmp_path / where), **job))
        while not reports or isinstance(reports[-1], Epoch):
            executor.wait(handle)
        return reports[-1]

    with Processes(KerasTrainer(tiny_problem.__file__, tiny_spec), threads=1) as executor:
        assert isinstance(run("parts", epochs=1), Finished)
        assert isinstance(run("parts", epochs=3, start=1, killed_at=2), Failed)
        assert isinstance(run("parts", epochs=3, start=2), Finished)
        assert isinstance(run("whole", epochs=3), Finished)
    assert history["parts"] == history["whole"]
    assert same(tmp_path / "parts", tmp_path / "whole")
