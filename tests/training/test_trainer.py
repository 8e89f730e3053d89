"""The Keras trainer, in this process and in workers."""

import errno
import importlib
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cloudpickle
import numpy as np
import psutil
import pytest
from PIL import Image

from metaopt.data import DataSet, DataSpec, load
from metaopt.engine.jobs import (
    Epoch,
    Failed,
    Finished,
    Job,
    PointReads,
    Rejected,
    Report,
    TrainingOptions,
    TrainingRequest,
    keep_training,
)
from metaopt.errors import EnvironmentFault, StudyMismatch, UserError
from metaopt.executors import Processes
from metaopt.executors.failures import attempt
from metaopt.problems.loading import load_problem
from metaopt.problems.problem import Problem
from metaopt.training import KerasTrainer, NetworkRefused
from metaopt.trials.constraints import Constraint
from tests.training.requests import make_job
from tests.training.test_fit import same

tiny_problem = importlib.import_module("tests.training.tiny_problem")
PATH = str(Path(__file__).with_name("tiny_problem.py"))
MIB = 2**20


def custom(answer: Callable[..., dict[str, Any]]) -> Problem:
    """Return a problem with its own ``build_and_train``."""
    return Problem(None, network=tiny_problem.network, build_and_train=answer)


def train(problem: Problem, data: DataSet, **settings: Any) -> tuple[list[Epoch], Finished | Failed | Rejected]:
    trainer = KerasTrainer(problem, data)
    job = make_job(**{"trial": 3, "epochs": 2, **settings})
    trainer.setup(job.options)
    epochs: list[Epoch] = []
    return epochs, attempt(trainer, job, lambda each: not epochs.append(each))


@pytest.mark.slow
def test_reports_epochs_and_facts_of_the_worker(tiny: DataSet) -> None:
    problem = Problem(None, network=tiny_problem.network, training=tiny_problem.training)
    epochs, end = train(problem, tiny)
    assert [(each.trial, each.epoch) for each in epochs] == [(3, 1), (3, 2)]
    assert isinstance(end, Finished)
    assert end.complete
    assert end.returned == {}
    assert {"device", "threads", "backend", "versions"} <= set(end.info)
    assert end.seconds >= sum(each.seconds for each in epochs)


@pytest.mark.slow
def test_fully_reported_job_with_folds_returns_nothing(tiny: DataSet, tmp_path: Path) -> None:
    problem = Problem(None, network=tiny_problem.network, training=tiny_problem.training)
    job: dict[str, Any] = {"folds": 2, "checkpoint": str(tmp_path)}
    epochs, _ = train(problem, tiny, **job)
    assert [len(each.replicates) for each in epochs] == [2, 2]
    again, end = train(problem, tiny, start=2, **job)
    assert again == []
    assert isinstance(end, Finished)
    assert end.complete
    assert end.returned == {}


@pytest.mark.slow
def test_divergence_is_a_failure_with_its_cause(tiny: DataSet) -> None:
    problem = Problem(None, network=tiny_problem.network, training=tiny_problem.training)
    _, end = train(problem, tiny, point={"learning_rate": 1e30, "optimizer": "SGD"}, epochs=5)
    assert isinstance(end, Failed)
    assert (end.trial, end.cause) == (3, "diverged")


@pytest.mark.slow
def test_custom_training_gets_all_options_and_returns_a_dict(tiny: DataSet) -> None:
    seen: dict[str, Any] = {}

    def build_and_train(
        point: Any, data: Any, *, epochs: int, checkpoint: Any = None, run: TrainingRequest
    ) -> dict[str, Any]:
        seen.update(point=point, data=data, epochs=epochs, checkpoint=checkpoint, run=run)
        return {"loss": 0.5, "kind": "own"}

    messages, end = train(custom(build_and_train), tiny, point={"a": 1}, seed=8, early_stopping=4, checkpoint="/x")
    assert messages == [PointReads(3, frozenset({"a"}), frozenset())]  # no epochs
    assert isinstance(end, Finished)
    assert end.returned == {"loss": 0.5, "kind": "own", "epochs": 2}
    assert (seen["point"], seen["data"], seen["epochs"], seen["checkpoint"]) == ({"a": 1}, tiny, 2, "/x")
    job, options = seen["run"].job, seen["run"].options
    assert (job.trial, job.point, job.target_resource, job.checkpoint) == (3, {"a": 1}, 2, "/x")
    assert (options.seed, options.early_stopping, options.objective) == (8, 4, "val_accuracy")


@pytest.mark.slow
def test_custom_training_may_fail_or_be_refused(tiny: DataSet) -> None:
    def refuse(*args: Any, **more: Any) -> dict[str, Any]:
        raise NetworkRefused("params", "Too many.")

    assert train(custom(refuse), tiny)[1] == Rejected(3, "params", "Too many.")
    end = train(custom(lambda *args, **more: {"status": "fail", "error": "No luck."}), tiny)[1]
    assert isinstance(end, Failed)
    assert (end.cause, end.error) == ("failed", "No luck.")


@pytest.mark.slow
@pytest.mark.parametrize("loss", [float("nan"), float("inf"), None, "0.5"])
def test_custom_training_must_return_a_loss(tiny: DataSet, loss: Any) -> None:
    end = train(custom(lambda *args, **more: {"loss": loss}), tiny)[1]
    assert isinstance(end, Failed)
    assert end.error == f"build_and_train returned {loss!r} as its loss."


@pytest.mark.slow
def test_custom_training_may_take_epochs_and_checkpoint_only(tiny: DataSet) -> None:
    def build_and_train(point: Any, data: Any, *, epochs: int, checkpoint: Any = None) -> dict[str, Any]:
        return {"loss": 0.5 / epochs}

    end = train(custom(build_and_train), tiny)[1]
    assert isinstance(end, Finished)
    assert end.returned["loss"] == 0.25


@pytest.mark.slow
def test_constraint_is_judged_by_what_custom_training_returns(tiny: DataSet) -> None:
    limits = (Constraint("val_precision", False, 0.5), Constraint("seconds", True, 60.0))
    end = train(custom(lambda *args, **more: {"loss": 0.5}), tiny, constraints=limits)[1]
    assert isinstance(end, Failed)
    assert end.error == "build_and_train returned None as val_precision, by which a constraint cannot be judged."
    wrapped = {"loss": 0.5, "scores": {"best": {"val_precision": 0.6}}}
    end = train(custom(lambda *args, **more: wrapped), tiny, constraints=limits)[1]
    assert isinstance(end, Finished)
    assert end.returned["val_precision"] == 0.6


@pytest.mark.slow
def test_custom_training_must_report_numbers(tiny: DataSet) -> None:
    def build_and_train(*args: Any, run: TrainingRequest, **more: Any) -> dict[str, Any]:
        run.report(Epoch(3, 1, {"val_accuracy": 0.5, "val_loss": float("nan")}, 1.0))
        return {"loss": 0.5}

    end = train(custom(build_and_train), tiny)[1]
    assert isinstance(end, Failed)
    assert "Epoch 1 was reported with {'val_loss': nan}" in end.error


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (None, "build_and_train returned NoneType. Expected a dict"),
        ([0.5], "build_and_train returned list"),
        ({"loss": 0.5, "epochs": "three", "versions": "3", "params": "few", (0, 1): b"a", "inherited": 1}, None),
        ({"status": "fail", "cause": ["a"], "error": {1: 2}}, "{1: 2}"),
    ],
)
def test_custom_training_may_return_anything(tiny: DataSet, answer: Any, error: str | None) -> None:
    end = train(custom(lambda *args, **more: answer), tiny)[1]
    if error is None:
        assert isinstance(end, Finished)
        assert (end.returned["epochs"], end.returned["(0, 1)"]) == (2, "b'a'")
        assert not {"params", "inherited"} & end.info.keys()
        assert "keras" in end.info["versions"]
    else:
        assert isinstance(end, Failed)
        assert error in end.error


@pytest.mark.slow
def test_custom_training_without_reports_resumes_at_a_rung(tiny: DataSet) -> None:
    """Also if its record has a history, like that of the default training."""
    answer = {"loss": 0.5, "epochs": 3, "history": {"val_accuracy": [0.1, 0.2, 0.3]}}
    end = train(custom(lambda *args, **more: answer), tiny, start=1, is_reported=False, epochs=3)[1]
    assert isinstance(end, Finished)
    assert end.returned == answer


@pytest.mark.slow
def test_custom_training_may_pass_run_on(tiny: DataSet, tmp_path: Path) -> None:
    """It then reports epochs, saves checkpoints and resumes like the default training."""
    from metaopt.training import build_and_train

    plain = Problem(None, network=tiny_problem.network, training=tiny_problem.training)

    def wrapper(point: Any, data: Any, *, epochs: int, checkpoint: Any = None, run: Any = None) -> dict[str, Any]:
        return build_and_train(plain, point, data, epochs=epochs, checkpoint=checkpoint, run=run)

    job: dict[str, Any] = {"seed": 4, "early_stopping": 3}
    expected, _ = train(plain, tiny, checkpoint=str(tmp_path / "plain"), **job)
    began, end = train(custom(wrapper), tiny, epochs=1, checkpoint=str(tmp_path / "own"), **job)
    assert isinstance(end, Finished)
    assert end.returned == {}
    resumed, end = train(custom(wrapper), tiny, start=1, checkpoint=str(tmp_path / "own"), **job)
    assert isinstance(end, Finished)
    assert end.info["params"] > 0
    assert [(each.epoch, each.metrics) for each in began + resumed] == [(each.epoch, each.metrics) for each in expected]
    assert same(tmp_path / "own", tmp_path / "plain")


PARTS = """
POLICY = []
def width(point):
    return 3 * point["filters"]
"""
MINE = """
import keras
import parts
space = {}
parts.POLICY.append(keras.config.floatx())
def network(point, input_shape, classes):
    from metaopt.blueprint import Blueprint, Conv2D, Dense, Flatten, Input
    import parts
    inputs = Input(input_shape)
    x = Flatten()(Conv2D(parts.width(point), 3)(inputs))
    assert parts.POLICY
    return Blueprint(inputs, {head: Dense(n, activation="softmax")(x) for head, n in classes.items()})
"""


@pytest.mark.slow
@pytest.mark.parametrize("as_folder", [False, True])
@pytest.mark.parametrize("change", ["no", "edited", "gone"])
def test_late_worker_trains_the_code_the_search_started_with(
    tiny: DataSet, tmp_path: Path, as_folder: bool, change: str
) -> None:
    """Side effects of its files and the helper modules that its functions import are those of the start."""
    folder = tmp_path / "mine"
    folder.mkdir()
    file = folder / ("neural_net.py" if as_folder else "mine.py")
    file.write_text(MINE)
    (folder / "parts.py").write_text(PARTS)
    (folder / "space.py").write_text("space = {}\n")
    problem = load_problem(str(folder if as_folder else file))
    params = problem.network({"filters": 2}, tiny.input_shape, tiny.classes).params
    trainer = cloudpickle.dumps(KerasTrainer(problem, tiny))
    if change == "edited":
        (folder / "parts.py").write_text(PARTS.replace("3 *", "4 *"))
    elif change == "gone":
        shutil.rmtree(folder)
    late = pickle.loads(trainer)
    late.setup(TrainingOptions())
    end = late.train(make_job(point={"filters": 2}), lambda _: True)
    assert isinstance(end, Finished)
    assert end.info["params"] == params


@pytest.mark.slow
def test_changed_images_are_an_error(tiny_spec: DataSpec) -> None:
    KerasTrainer(PATH, tiny_spec, fingerprint=load(tiny_spec).fingerprint).setup(TrainingOptions())
    with pytest.raises(StudyMismatch, match="are not those that the search started with"):
        KerasTrainer(PATH, tiny_spec, fingerprint="0").setup(TrainingOptions())


def run_jobs(jobs: list[Job], data: DataSpec) -> list[list[Report]]:
    """Return the reports of each job, all of them trained in one worker."""
    reports: list[list[Report]] = []
    with Processes(KerasTrainer(PATH, data), threads=2) as executor:
        for job in jobs:
            reports.append([])
            executor.submit(job)
            while not isinstance(reports[-1][-1] if reports[-1] else None, Finished | Failed | Rejected):
                executor.wait(lambda report: not reports[-1].append(report))
    return reports


@pytest.mark.slow
def test_weights_do_not_depend_on_earlier_jobs_of_the_worker(tiny_spec: DataSpec, tmp_path: Path) -> None:
    def job(trial: int, where: str) -> Job:
        return make_job(trial, {"filters": 2 + trial % 3}, epochs=2, seed=5, checkpoint=str(tmp_path / where))

    fresh = run_jobs([job(7, "fresh")], tiny_spec)[0]
    used = run_jobs([*(job(trial, f"other{trial}") for trial in range(3)), job(7, "used")], tiny_spec)[-1]
    metrics = [each.metrics for each in fresh if isinstance(each, Epoch)]
    assert len(metrics) == 2
    assert metrics == [each.metrics for each in used if isinstance(each, Epoch)]
    assert same(tmp_path / "fresh", tmp_path / "used")
    assert not same(tmp_path / "fresh", tmp_path / "other1")  # of the same shape
    assert isinstance(fresh[-1], Finished)
    assert fresh[-1].info["threads"] == 2


@pytest.mark.slow
def test_memory_stays_flat_from_trial_to_trial(tiny: DataSet) -> None:
    """Measured: 0.05 MB a trial; a model that is not freed takes 6 MB."""
    trainer = KerasTrainer(PATH, tiny)
    trainer.setup(TrainingOptions())
    used = []
    for trial in range(9):
        trainer.train(make_job(trial), lambda _: True)
        used.append(psutil.Process().memory_info().rss / MIB)
    assert used[-1] - used[4] < 10, used


@pytest.mark.slow
@pytest.mark.parametrize(
    ("problem", "data", "message"),
    [(PATH, DataSpec("/nowhere.npz"), "nowhere"), ("/no_such_problem.py", DataSpec("digits"), "no_such_problem.py")],
)
def test_errors_in_data_or_problem_are_raised_by_setup(problem: str, data: DataSpec, message: str) -> None:
    """The contract of executors shows that such an error reaches the driver."""
    with pytest.raises(UserError, match=message):
        KerasTrainer(problem, data).setup(TrainingOptions())


@pytest.mark.slow
def test_images_that_vanish_interrupt_a_training(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for label in ("a", "b"):
        (tmp_path / "pets" / label).mkdir(parents=True)
        for number in range(20):
            Image.fromarray(rng.integers(0, 256, (8, 8), np.uint8)).save(tmp_path / "pets" / label / f"{number}.png")
    data = load(DataSpec(str(tmp_path / "pets"), cache=str(tmp_path / "cache")))
    trainer = KerasTrainer(Problem.of(tiny_problem), data)
    trainer.setup(make_job().options)
    shutil.rmtree(tmp_path / "cache")
    with pytest.raises(EnvironmentFault, match=r"images cannot be read \(No such file.*images.npy\)"):
        attempt(trainer, make_job(), keep_training)


@pytest.mark.slow
def test_an_error_of_the_disk_in_build_model_interrupts_the_trial(tiny: DataSet) -> None:
    def build_model(point: Any, input_shape: Any, classes: Any) -> Any:
        raise OSError(errno.EIO, "Input/output error", "weights.h5")

    trainer = KerasTrainer(Problem.of(SimpleNamespace(build_model=build_model)), tiny)
    with pytest.raises(EnvironmentFault, match=r"Trial 2 raised OSError \(Input/output error, weights.h5\)"):
        attempt(trainer, make_job(2), keep_training)
