"""Contract of executors; ``test_contract`` runs it over every executor.

A fixture ``executor`` gives each executor with scripted trainings, ``trainer_executor`` each one that runs a trainer,
and ``make_executor`` makes one of those from a trainer.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest

from metaopt.engine.jobs import Epoch, EpochProgress, Executor, Failed, Finished, Rejected, Report, Trainer
from metaopt.errors import ResultsNotWritable, UserError
from tests.executors.scripted import Scripted, collect, last, make_job, run

MakeExecutor = Callable[[Trainer], AbstractContextManager[Executor]]


def test_each_epoch_is_reported_in_order_then_the_end(executor: Executor) -> None:
    *epochs, end = run(executor, to=4)
    assert [(epoch.trial, epoch.epoch) for epoch in epochs] == [(7, 1), (7, 2), (7, 3), (7, 4)]
    assert epochs[3].metrics == {"loss": 0.25}
    assert isinstance(end, Finished)
    assert end.complete


def test_a_resumed_trial_trains_the_epochs_after_its_start(executor: Executor) -> None:
    assert [report.epoch for report in run(executor, start=2, to=4)[:-1]] == [3, 4]


def test_a_trial_ends_where_the_answer_is_false(executor: Executor) -> None:
    executor.submit(make_job(trial=1, point=None, to=50))
    *epochs, end = collect(executor, stop=lambda epoch: epoch.epoch == 2)
    assert [epoch.epoch for epoch in epochs] == [1, 2]
    assert isinstance(end, Finished)
    assert not end.complete


def test_no_more_jobs_are_taken_than_slots(executor: Executor) -> None:
    for trial in range(executor.slots):
        executor.submit(make_job(trial=trial, point=None, to=1))
    with pytest.raises(RuntimeError, match="slot"):
        executor.submit(make_job(trial=9, point=None, to=1))
    assert len(collect(executor)) == 2 * executor.slots


def test_a_training_that_raises_fails_alone(executor: Executor) -> None:
    failed = last(run(executor, {"do": "raise"}), Failed)
    assert (failed.trial, failed.cause) == (7, "ValueError")
    assert failed.error == "ValueError: the kernel is larger than the image"
    assert 'raise ValueError("the kernel' in failed.traceback
    last(run(executor), Finished)


def test_a_training_without_memory_fails_with_that_cause(executor: Executor) -> None:
    assert last(run(executor, {"do": "memory"}), Failed).cause == "out of memory"
    last(run(executor), Finished)


def test_a_training_that_exits_fails(executor: Executor) -> None:
    assert last(run(executor, {"do": "exit"}), Failed).cause == "SystemExit"
    last(run(executor), Finished)


@pytest.mark.parametrize("limit", [0.5, 0.0])
def test_a_training_beyond_its_time_limit_fails_alone(executor: Executor, limit: float) -> None:
    """The third epoch hangs; what was reported before counts, and the next job of the worker is trained."""
    last(run(executor), Finished)  # sets a trainer up
    point = {"seconds": 0.1, "cost": 0.1, "do": "hang", "at": 3}
    executor.submit(replace(make_job(trial=7, point=point, to=9), time_limit_s=limit))
    start = time.monotonic()
    *epochs, end = collect(executor)
    assert [epoch.epoch for epoch in epochs] == ([1, 2] if limit else [])
    assert isinstance(end, Failed)
    assert end.cause == "timeout"
    assert "0.5 s" in end.error if limit else "0 s" in end.error
    assert end.seconds == pytest.approx(limit, abs=1.0)
    assert time.monotonic() - start < limit + 5
    last(run(executor), Finished)


@pytest.mark.slow
def test_waiting_for_the_driver_is_no_training_time(executor: Executor) -> None:
    last(run(executor), Finished)
    executor.submit(replace(make_job(trial=7, point=None, to=3), time_limit_s=1.0))
    reports: list[Report] = []

    def handle(report: Report) -> bool:
        reports.append(report)
        time.sleep(0.6)
        return True

    while not (reports and not isinstance(reports[-1], Epoch)):
        executor.wait(handle)
    assert isinstance(reports[-1], Finished), reports


def test_failures_and_rejections_of_a_trainer_are_passed_on(executor: Executor) -> None:
    assert last(run(executor, {"do": "diverge"}), Failed).cause == "diverged"
    assert last(run(executor, {"do": "reject"}), Rejected).reason == "params"


def test_wait_returns_at_once_where_nothing_runs(executor: Executor) -> None:
    start = time.monotonic()
    assert collect(executor) == []
    assert time.monotonic() - start < 1


@pytest.mark.parametrize("error", [UserError("the disk is full."), KeyboardInterrupt()], ids=repr)
def test_an_error_of_the_driver_passes_through(executor: Executor, error: BaseException) -> None:
    def handle(report: Report) -> bool:
        raise error

    executor.submit(make_job(trial=0, point=None, to=2))
    with pytest.raises(type(error)) as raised:
        executor.wait(handle, timeout=30)
    assert raised.value is error


def test_progress_within_an_epoch_is_passed_on_without_an_answer(trainer_executor: Executor) -> None:
    """A False that was meant for it must neither end the training nor be taken for the answer to the epoch."""
    trainer_executor.submit(make_job(trial=7, point={"progress": 0.25}, to=2))
    reports: list[Report] = []

    def handle(report: Report) -> bool:
        reports.append(report)
        return not isinstance(report, EpochProgress)

    while not (reports and isinstance(reports[-1], Finished)):
        trainer_executor.wait(handle)
    progress = [EpochProgress(7, 1, 0.25), EpochProgress(7, 2, 0.25)]
    assert [report for report in reports if isinstance(report, EpochProgress)] == progress
    assert [report.epoch for report in reports if isinstance(report, Epoch)] == [1, 2]
    assert reports[-1].complete


def test_an_epoch_of_a_fold_is_passed_on_and_its_answer_counts(trainer_executor: Executor) -> None:
    """A race over folds ends a trial after its second fold."""
    trainer_executor.submit(make_job(trial=7, point={"folds": 4}, to=2))
    reports = collect(trainer_executor, stop=lambda epoch: epoch.fold == 1)
    folds = [(each.fold, each.ends_fold) for each in reports if isinstance(each, Epoch)]
    assert folds == [(0, True), (1, True)]
    assert last(reports, Finished).complete is False


def test_several_jobs_are_trained_with_one_setup(trainer_executor: Executor) -> None:
    for trial in range(3):
        trainer_executor.submit(make_job(trial=trial, point=None, to=2))
        end = last(collect(trainer_executor), Finished)
    assert end.info == {"set_up": 1, "trained": [0, 1, 2]}


def test_a_checkpoint_that_cannot_be_written_ends_the_search(trainer_executor: Executor) -> None:
    trainer_executor.submit(make_job(trial=7, point={"do": "full"}, to=3))
    with pytest.raises(ResultsNotWritable, match=r"^The disk is full\.$"):
        collect(trainer_executor)


def bad_data() -> None:
    raise UserError("There are no images in data/.")


def bad_import() -> None:
    import no_such_module  # noqa: F401


def test_a_user_error_of_the_setup_is_raised_as_it_is(make_executor: MakeExecutor) -> None:
    with make_executor(Scripted(bad_data)) as executor:
        executor.submit(make_job(trial=0, point=None, to=1))
        with pytest.raises(UserError, match=r"There are no images in data/\."):
            collect(executor)


def test_any_other_error_of_the_setup_keeps_its_traceback(make_executor: MakeExecutor) -> None:
    with make_executor(Scripted(bad_import)) as executor:
        executor.submit(make_job(trial=0, point=None, to=1))
        with pytest.raises((RuntimeError, ModuleNotFoundError), match="no_such_module"):
            collect(executor)
