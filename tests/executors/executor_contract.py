"""What every executor must keep, as trainers that are cheap and can be pickled, and a battery to be run over each.

A new executor's test file makes itself a fixture ``executor`` and imports ``*`` from here.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from metaopt.engine.jobs import (
    Epoch,
    Executor,
    Failed,
    Finished,
    FromScratch,
    Job,
    Rejected,
    Report,
    Resume,
    Trainer,
    TrainingOptions,
)
from metaopt.errors import ResultsNotWritable, UserError

MakeExecutor = Callable[[Trainer], AbstractContextManager[Executor]]


def a_job(trial: int, point: Any = None, to: int = 1, start: int = 0, **options: Any) -> Job:
    """A job that resumes after ``start`` epochs, or starts from scratch."""
    return Job(trial, point, Resume(start) if start else FromScratch(), to, TrainingOptions(**options))


class Scripted:
    """Does what a job's point says: ``{"do": name, …}``; ``epochs`` if nothing."""

    def __init__(self, setup: Callable[[], None] | None = None) -> None:
        self.at_setup = setup
        self.set_up = 0
        self.trained: list[int] = []

    def setup(self, options: TrainingOptions) -> None:
        self.set_up += 1
        if self.at_setup is not None:
            self.at_setup()

    def train(self, job: Job, report: Callable[[Epoch], bool]) -> Finished | Failed | Rejected:
        self.trained.append(job.trial)
        point = job.point or {}
        if "meet" in point:
            meet(point["meet"], job.trial)
        for epoch in range(job.start + 1, job.target_resource + 1):
            time.sleep(point.get("seconds", 0))
            if epoch == point.get("at", 2):
                act(point.get("do"))
            if not report(Epoch(job.trial, epoch, {"loss": 1 / epoch}, 0.1)):
                return Finished(job.trial, complete=False)
        if point.get("do") == "diverge":
            return Failed(job.trial, "diverged", "The loss became NaN in epoch 3.")
        if point.get("do") == "reject":
            return Rejected(job.trial, "params", "Too many.")
        if point.get("do") == "unpicklable":
            return Finished(job.trial, returned={"loss": (each for each in ())})
        return Finished(job.trial, info={"set_up": self.set_up, "trained": list(self.trained)})


def meet(folder: Path, trial: int) -> None:
    """Waits until two trials are here, so that a worker that starts late is waited for."""
    (folder / str(trial)).touch()
    deadline = time.monotonic() + 60
    while len(list(folder.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)


def act(what: str | None) -> None:
    if what == "raise":
        raise ValueError("the kernel is larger than the image\nand a second line")
    if what == "memory":
        raise MemoryError
    if what == "exit":
        raise SystemExit(3)
    if what == "full":
        raise ResultsNotWritable("The disk is full.")


def collect(executor: Executor, stop: Callable[[Epoch], bool] = lambda _: False, limit: float = 30) -> list[Report]:
    """Every report until nothing runs."""
    reports: list[Report] = []

    def handle(report: Report) -> bool:
        reports.append(report)
        return not (isinstance(report, Epoch) and stop(report))

    begin = time.monotonic()
    while time.monotonic() - begin < limit:
        count = len(reports)
        executor.wait(handle)
        if len(reports) == count:
            return reports
    raise AssertionError(f"still running after {limit} s: {reports}")


def run(executor: Executor, point: dict[str, Any] | None = None, to: int = 3, **more: Any) -> list[Report]:
    executor.submit(a_job(trial=7, point=point, to=to, **more))
    return collect(executor)


def last(reports: list[Report], kind: type) -> Any:
    assert isinstance(reports[-1], kind), reports
    return reports[-1]


def test_reports_each_epoch_in_order_and_then_the_end(executor: Executor) -> None:
    *epochs, end = run(executor, to=4)
    assert [(epoch.trial, epoch.epoch) for epoch in epochs] == [(7, 1), (7, 2), (7, 3), (7, 4)]
    assert epochs[3].metrics == {"loss": 0.25}
    assert isinstance(end, Finished)
    assert end.complete


def test_goes_on_from_where_a_trial_stands(executor: Executor) -> None:
    assert [report.epoch for report in run(executor, start=2, to=4)[:-1]] == [3, 4]


def test_ends_a_trial_where_the_answer_is_no(executor: Executor) -> None:
    executor.submit(a_job(trial=1, point=None, to=50))
    *epochs, end = collect(executor, stop=lambda epoch: epoch.epoch == 2)
    assert [epoch.epoch for epoch in epochs] == [1, 2]
    assert isinstance(end, Finished)
    assert not end.complete


def test_trains_several_jobs_with_one_setup(executor: Executor) -> None:
    for trial in range(3):
        executor.submit(a_job(trial=trial, point=None, to=2))
        end = last(collect(executor), Finished)
    assert end.info == {"set_up": 1, "trained": [0, 1, 2]}


def test_takes_no_more_jobs_than_slots(executor: Executor) -> None:
    for trial in range(executor.slots):
        executor.submit(a_job(trial=trial, point=None, to=1))
    with pytest.raises(RuntimeError, match="slot"):
        executor.submit(a_job(trial=9, point=None, to=1))
    assert len(collect(executor)) == 2 * executor.slots


def test_a_training_that_raises_has_failed_and_the_next_one_is_trained(executor: Executor) -> None:
    failed = last(run(executor, {"do": "raise"}), Failed)
    assert (failed.trial, failed.cause) == (7, "ValueError")
    assert failed.error == "ValueError: the kernel is larger than the image"
    assert 'raise ValueError("the kernel' in failed.traceback
    last(run(executor), Finished)


def test_memory_that_runs_out_is_named_so(executor: Executor) -> None:
    assert last(run(executor, {"do": "memory"}), Failed).cause == "out of memory"
    last(run(executor), Finished)


def test_a_training_that_exits_has_failed(executor: Executor) -> None:
    assert last(run(executor, {"do": "exit"}), Failed).cause == "SystemExit"
    last(run(executor), Finished)


def test_a_checkpoint_that_cannot_be_written_is_no_failure_of_the_network(executor: Executor) -> None:
    executor.submit(a_job(trial=7, point={"do": "full"}, to=3))
    with pytest.raises(ResultsNotWritable, match=r"^The disk is full\.$"):
        collect(executor)


def test_hands_on_what_the_trainer_says(executor: Executor) -> None:
    assert last(run(executor, {"do": "diverge"}), Failed).cause == "diverged"
    assert last(run(executor, {"do": "reject"}), Rejected).reason == "params"


def test_waiting_for_nothing_returns_at_once(executor: Executor) -> None:
    start = time.monotonic()
    assert collect(executor) == []
    assert time.monotonic() - start < 1


@pytest.mark.parametrize("error", [UserError("the disk is full."), KeyboardInterrupt()], ids=repr)
def test_an_error_of_the_driver_passes_through(executor: Executor, error: BaseException) -> None:
    def handle(report: Report) -> bool:
        raise error

    executor.submit(a_job(trial=0, point=None, to=2))
    with pytest.raises(type(error)) as raised:
        executor.wait(handle, timeout=30)
    assert raised.value is error


def bad_data() -> None:
    raise UserError("There are no images in data/.")


def bad_import() -> None:
    import no_such_module  # noqa: F401


def test_a_setup_that_the_user_can_mend_is_raised_as_it_is(make_executor: MakeExecutor) -> None:
    with make_executor(Scripted(bad_data)) as executor:
        executor.submit(a_job(trial=0, point=None, to=1))
        with pytest.raises(UserError, match=r"There are no images in data/\."):
            collect(executor)


def test_a_setup_that_breaks_is_raised_with_its_traceback(make_executor: MakeExecutor) -> None:
    with make_executor(Scripted(bad_import)) as executor:
        executor.submit(a_job(trial=0, point=None, to=1))
        with pytest.raises((RuntimeError, ModuleNotFoundError), match="no_such_module"):
            collect(executor)
