"""Worker process: the protocol with its driver."""

import contextlib
import functools
import gc
import multiprocessing
import os
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection

import cloudpickle
import pytest

from metaopt.engine.jobs import Epoch, Failed, Finished, Trainer
from metaopt.errors import ResultsNotWritable, UserError
from metaopt.executors import worker
from tests.executors.contract import bad_data, bad_import
from tests.executors.scripted import Scripted, make_job


@contextlib.contextmanager
def started(trainer: Trainer, log: str | None = None) -> Iterator[tuple[Connection, multiprocessing.Process]]:
    """A worker process, and the driver's end of its connection."""
    context = multiprocessing.get_context("spawn")
    connection, theirs = context.Pipe()
    process = context.Process(target=worker.main, args=(theirs, cloudpickle.dumps(trainer), log))
    process.start()
    theirs.close()
    try:
        yield connection, process
    finally:
        process.kill()
        process.join()


@pytest.mark.parametrize(
    ("threads", "expected"),
    [
        (1, {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "NPROC": "1"}),
        (4, {"OMP_NUM_THREADS": "4", "TF_NUM_INTRAOP_THREADS": "4", "TF_NUM_INTEROP_THREADS": "2", "NPROC": "4"}),
    ],
)
def test_every_backend_is_told_its_threads(threads, expected, monkeypatch):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    assert worker.environment(threads) == {**expected, "TF_CPP_MIN_LOG_LEVEL": "3"}
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    assert worker.environment(threads)["TF_CPP_MIN_LOG_LEVEL"] == "0"


def test_functions_of_a_script_can_be_sent():
    ours, theirs = multiprocessing.Pipe()
    offset = 3
    worker.send(ours, lambda x: x + offset)
    assert worker.receive(theirs)(4) == 7
    ours.close()
    with pytest.raises(EOFError):
        worker.receive(theirs)


@pytest.mark.slow
def test_a_worker_waits_for_the_answer_to_each_epoch():
    with started(Scripted()) as (connection, process):
        worker.send(connection, worker.pack(make_job(3, to=3)))
        assert worker.receive(connection) == worker.Ready()
        assert worker.receive(connection) == Epoch(3, 1, {"loss": 1.0}, 0.1)
        assert not connection.poll(0.2)
        worker.send(connection, True)
        assert worker.receive(connection) == Epoch(3, 2, {"loss": 0.5}, 0.1)
        worker.send(connection, False)
        assert worker.receive(connection) == Finished(3, complete=False)
        worker.send(connection, worker.pack(make_job(4, {"do": "unpicklable"})))
        assert worker.receive(connection) == Epoch(4, 1, {"loss": 1.0}, 0.1)
        worker.send(connection, True)
        end = worker.receive(connection)
        assert isinstance(end, Failed)
        assert (end.trial, end.cause) == (4, "TypeError")
        connection.close()
        process.join(10)
        assert process.exitcode == 0, "the driver left"


@pytest.mark.slow
@pytest.mark.parametrize(("setup", "is_users"), [(bad_data, True), (bad_import, False)])
def test_a_failed_setup_is_reported_with_its_traceback(setup: Callable[[], None], is_users: bool):
    with started(Scripted(setup)) as (connection, process):
        worker.send(connection, worker.pack(make_job(0)))
        failed = worker.receive(connection)
        process.join(10)
        assert process.exitcode == 0
    assert isinstance(failed, worker.SetupFailed)
    assert isinstance(failed.user_error, UserError) is is_users
    assert setup.__name__ in failed.traceback


@pytest.mark.slow
def test_a_worker_ends_where_a_checkpoint_cannot_be_written():
    with started(Scripted()) as (connection, process):
        worker.send(connection, worker.pack(make_job(0, {"do": "full", "at": 1})))
        assert worker.receive(connection) == worker.Ready()
        message = worker.receive(connection)
        process.join(10)
        assert process.exitcode == 0
    assert isinstance(message, worker.Interrupted)
    assert isinstance(message.error, ResultsNotWritable)


@pytest.mark.slow
def test_a_driver_that_leaves_in_an_epoch_ends_the_worker():
    with started(Scripted()) as (connection, process):
        worker.send(connection, worker.pack(make_job(0, to=99)))
        assert worker.receive(connection) == worker.Ready()
        worker.receive(connection)
        connection.close()
        process.join(10)
        assert process.exitcode == 1


@pytest.mark.slow
def test_output_is_appended_to_the_log(tmp_path):
    log = tmp_path / "logs" / "worker.log"
    log.parent.mkdir()
    log.write_text("before\n")
    with started(Scripted(functools.partial(os.system, "echo below Python")), str(log)) as (connection, _):
        worker.send(connection, worker.pack(make_job(0)))
        assert worker.receive(connection) == worker.Ready()
    assert log.read_text() == "before\nbelow Python\n"


class CollectionTrainer:
    """Reports how many objects garbage collections leave out while it trains."""

    def setup(self, options):
        self.data = [[] for _ in range(1000)]

    def train(self, job, report):
        return Finished(job.trial, info={"frozen": gc.get_freeze_count()})


@pytest.mark.slow
def test_garbage_collection_leaves_out_what_the_set_up_made():
    with started(CollectionTrainer()) as (connection, _):
        worker.send(connection, worker.pack(make_job(0)))
        assert worker.receive(connection) == worker.Ready()
        assert worker.receive(connection).info["frozen"] > 1000
