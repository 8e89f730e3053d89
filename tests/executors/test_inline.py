"""Inline executor: jobs run in the driver's own process."""

import os
import signal
import threading
from collections.abc import Callable

import pytest

from metaopt.engine.jobs import Epoch, Finished, Job, TrainingOptions
from metaopt.executors import Inline
from tests.executors.scripted import Scripted, collect, last, make_job, run


class Here:
    """Tells where it trains."""

    def setup(self, options: TrainingOptions) -> None:
        self.seed = options.seed

    def train(self, job: Job, report: Callable[[Epoch], bool]) -> Finished:
        return Finished(job.trial, info={"pid": os.getpid(), "thread": threading.get_ident(), "seed": self.seed})


def test_a_job_is_trained_in_this_process_and_thread() -> None:
    with Inline(Here()) as executor:
        end = last(run(executor, to=1, seed=4), Finished)
    assert end.info == {"pid": os.getpid(), "thread": threading.get_ident(), "seed": 4}


def test_nothing_is_set_up_before_the_first_wait() -> None:
    trainer = Scripted()
    with Inline(trainer) as executor:
        assert executor.slots == 1
        executor.submit(make_job(0))
        assert trainer.set_up == 0
        collect(executor)
    assert trainer.set_up == 1


class Interrupted(Here):
    def train(self, job: Job, report: Callable[[Epoch], bool]) -> Finished:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # as a user's code may
        signal.raise_signal(signal.SIGINT)
        return super().train(job, report)


def test_ctrl_c_ends_the_search_and_handlers_are_restored() -> None:
    numbers = signal.SIGINT, signal.SIGTERM
    before = [signal.getsignal(number) for number in numbers]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with Inline(Interrupted()) as executor:
            executor.submit(make_job(0))
            with pytest.raises(KeyboardInterrupt):
                collect(executor)
        assert [signal.getsignal(number) for number in numbers] == [signal.default_int_handler] * 2
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def test_a_job_that_waits_is_dropped_on_leaving() -> None:
    trainer = Scripted()
    executor = Inline(trainer)
    with executor:
        executor.submit(make_job(0))
    assert collect(executor) == []
    assert trainer.trained == []
