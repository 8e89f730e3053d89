"""Worker processes: their deaths, memory, output, and the end of their driver."""

import ctypes
import functools
import math
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from metaopt.engine.jobs import Epoch, Failed, Finished, Job, TrainingOptions
from metaopt.errors import UserError
from metaopt.executors import Processes, silence
from metaopt.training.functions import FunctionTrainer
from tests.executors.scripted import Scripted, collect, last, make_job, run

MIB = 2**20
FOLDER = Path(__file__).parent

pytestmark = pytest.mark.slow


class Rough:
    """Calls what a job's point holds, in the middle of an epoch."""

    def setup(self, options: TrainingOptions) -> None:
        self.kept: list[Any] = []

    def train(self, job: Job, report: Callable[[Epoch], bool]) -> Finished:
        report(Epoch(job.trial, 1, {"loss": 1.0}, 0.0))
        if job.point is not None:
            self.kept.append(job.point())
        report(Epoch(job.trial, 2, {"loss": 0.5}, 0.0))
        return Finished(job.trial, returned={"loss": 0.5, "pid": os.getpid(), "environment": dict(os.environ)})


@pytest.fixture
def rough() -> Iterator[Processes]:
    with Processes(Rough(), threads=1) as executor:
        yield executor


def kill_itself(which: signal.Signals) -> None:
    os.kill(os.getpid(), which)
    time.sleep(30)


@pytest.mark.parametrize(
    ("harm", "cause"),
    [
        (functools.partial(kill_itself, signal.SIGKILL), "worker killed (SIGKILL)"),
        (functools.partial(ctypes.string_at, 0), "worker killed (SIGSEGV)"),
        (os.abort, "worker killed (SIGABRT)"),
        (functools.partial(os._exit, 3), "worker exited"),
    ],
    ids=["SIGKILL", "segfault", "abort", "exit"],
)
def test_a_worker_that_dies_fails_its_trial_and_is_replaced(rough: Processes, harm: Any, cause: str) -> None:
    before = rough.pids
    first, failed = run(rough, harm)
    assert isinstance(first, Epoch)
    assert isinstance(failed, Failed)
    assert (failed.trial, failed.cause) == (7, cause)
    assert failed.error.startswith("The worker ")
    assert last(run(rough), Finished).returned["pid"] not in before


class Telling:
    """Calls what a job's point holds, and tells the state of its process."""

    def setup(self, options: TrainingOptions) -> None:
        pass

    def train(self, job: Job, report: Callable[[Epoch], bool]) -> Finished:
        state = {
            "pid": os.getpid(),
            "recursion limit": sys.getrecursionlimit(),
            "alarm": signal.getitimer(signal.ITIMER_REAL)[0],
            "open": [os.path.exists(f"/dev/fd/{number}") for number in range(3)],
        }
        if job.point is not None:
            job.point()
        return Finished(job.trial, returned={"loss": 0.5, **state})


def harm_process() -> None:
    os.close(1)
    os.close(2)
    sys.stdout = sys.stderr = None  # type: ignore[assignment]
    signal.alarm(60)
    sys.setrecursionlimit(80)


def test_what_a_training_does_to_its_worker_ends_with_it() -> None:
    with Processes(Telling(), threads=1) as executor:
        before = last(run(executor), Finished).returned
        last(run(executor, harm_process), Finished)
        assert last(run(executor), Finished).returned == before


def test_reports_sent_before_a_death_are_not_lost() -> None:
    with Processes(Rough()) as executor:
        run(executor)
        executor.submit(make_job(trial=1, point=functools.partial(os._exit, 0), to=2))
        time.sleep(0.3)  # the epoch lies in the pipe, and the worker waits for its answer
        os.kill(executor.pids[0], signal.SIGKILL)
        time.sleep(0.1)
        assert [type(report) for report in collect(executor)] == [Epoch, Failed]


def test_an_idle_worker_that_died_is_replaced(rough: Processes) -> None:
    run(rough)
    os.kill(rough.pids[0], signal.SIGKILL)
    time.sleep(0.1)
    last(run(rough), Finished)


def test_a_worker_stays_from_trial_to_trial(rough: Processes) -> None:
    assert {last(run(rough), Finished).returned["pid"] for _ in range(3)} == set(rough.pids)


def hold(mebibytes: int, seconds: float = 0) -> bytearray:
    held = bytearray(os.urandom(MIB) * mebibytes)
    time.sleep(seconds)
    return held


def test_a_worker_above_its_memory_limit_is_killed() -> None:
    with Processes(Rough(), memory_limit=400 * MIB) as executor:
        failed = last(run(executor, functools.partial(hold, 500, 30)), Failed)
        assert failed.cause == "out of memory"
        assert "more than its limit of 419.4 MB" in failed.error
        last(run(executor), Finished)


def test_a_worker_that_leaks_is_replaced_between_trials() -> None:
    with Processes(Rough(), memory_limit=600 * MIB) as executor:
        leak = functools.partial(hold, 150)
        pids = [last(run(executor, leak), Finished).returned["pid"] for _ in range(4)]
        assert pids[0] == pids[1] != pids[2] == pids[3]


def test_workers_train_side_by_side(tmp_path) -> None:
    with Processes(Scripted(), workers=2) as executor:
        assert executor.slots == 2
        for trial in (0, 1):
            executor.submit(make_job(trial, {"meet": tmp_path, "seconds": 0.1}, to=4))
        reports = collect(executor, limit=90)
    for trial in (0, 1):
        own = [report for report in reports if report.trial == trial]
        assert [getattr(report, "epoch", "end") for report in own] == [1, 2, 3, 4, "end"]
    assert [report.trial for report in reports] != sorted(report.trial for report in reports)


def test_wait_returns_after_its_timeout(rough: Processes) -> None:
    run(rough)
    rough.submit(make_job(0, functools.partial(time.sleep, 30), to=2))
    rough.wait(lambda _: True, timeout=10)  # the first epoch
    start = time.monotonic()
    rough.wait(lambda report: pytest.fail(f"{report} came"), timeout=0.3)
    assert 0.25 < time.monotonic() - start < 5


def test_a_result_that_cannot_be_sent_fails_its_trial() -> None:
    with Processes(Scripted(), threads=1) as executor:
        assert last(run(executor, {"do": "unpicklable"}), Failed).cause == "TypeError"
        last(run(executor), Finished)


def test_threads_are_set_before_anything_is_imported(rough: Processes) -> None:
    before = os.environ.get("OMP_NUM_THREADS")
    environment = last(run(rough), Finished).returned["environment"]
    assert environment["OMP_NUM_THREADS"] == environment["TF_NUM_INTRAOP_THREADS"] == "1"
    assert os.environ.get("OMP_NUM_THREADS") == before


def start_a_process() -> int:
    return subprocess.Popen(["sleep", "60"]).pid


def test_leaving_ends_the_workers_and_their_children() -> None:
    with Processes(Rough()) as executor:
        executor.submit(make_job(0, functools.partial(hold, 1, 60), to=2))
        executor.wait(lambda _: True)
        busy = executor.pids[0]
    assert gone(busy)
    with Processes(Rough()) as executor:
        run(executor, start_a_process)
        (child,) = psutil.Process(executor.pids[0]).children()
    assert gone(child.pid)


def talk() -> None:
    print("said by the user's code")  # noqa: T201
    os.system("echo said below Python")


def test_output_of_workers_goes_to_the_log(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with Processes(Rough(), log=tmp_path / "workers.log") as executor:
        run(executor, talk)
        run(executor, functools.partial(ctypes.string_at, 0))
    log = (tmp_path / "workers.log").read_text()
    assert "said by the user's code\n" in log
    assert "said below Python\n" in log
    assert "Segmentation fault" in log
    assert capfd.readouterr() == ("", "")


def start_detached_process(sign: Path) -> None:
    """Start a process in a session of its own, which outlives its parent, and wait."""
    process = subprocess.Popen(["sleep", "60"], start_new_session=True)
    sign.write_text(str(process.pid))
    time.sleep(60)


def test_a_killed_worker_takes_its_detached_processes_with_it(rough: Processes, tmp_path: Path) -> None:
    sign = tmp_path / "pid"
    rough.submit(make_job(trial=0, point=functools.partial(start_detached_process, sign), to=2))
    until(lambda: rough.wait(lambda _: True, timeout=0.1) is None and sign.exists() and sign.read_text() != "")
    child = int(sign.read_text())
    os.kill(rough.pids[0], signal.SIGKILL)
    last(collect(rough), Failed)
    assert gone(child)


def die() -> None:
    os._exit(5)


def test_a_worker_that_dies_in_its_setup_ends_the_search() -> None:
    with Processes(Scripted(die)) as executor:
        executor.submit(make_job(0, None, to=1))
        with pytest.raises(RuntimeError, match=r"died 3 times.*exit code 5"):
            collect(executor)


def test_a_setup_above_the_memory_limit_is_refused() -> None:
    with Processes(Scripted(functools.partial(hold, 300, 30)), memory_limit=200 * MIB) as executor:
        executor.submit(make_job(0, None, to=1))
        with pytest.raises(UserError, match="for its data and framework alone"):
            collect(executor)


def test_a_function_that_cannot_be_pickled_is_named() -> None:
    lock = threading.Lock()

    def train(point: Any) -> float:
        with lock:
            return 0.0

    with pytest.raises(UserError, match=r"The function .*train cannot be sent to a worker.*cannot pickle '_thread"):
        Processes(FunctionTrainer(train)).__enter__()


def test_zero_workers_are_refused() -> None:
    with pytest.raises(UserError, match="value for workers: 0"):
        Processes(Scripted(), workers=0)


@pytest.mark.parametrize("timeout", [30 * 86400.0, 1e30, math.inf], ids=str)
def test_timeouts_beyond_what_poll_takes_are_waited_for(rough: Processes, timeout: float) -> None:
    rough.submit(make_job(trial=0, point=None, to=2))
    reports: list[Any] = []
    while not (reports and isinstance(reports[-1], Finished)):
        rough.wait(lambda report: reports.append(report) is None, timeout=timeout)
    assert len(reports) == 3


def refuse_in_a_daemon(answers: Any) -> None:
    try:
        Processes(Scripted())
    except UserError as error:
        answers.send(str(error))


def test_a_daemonic_process_is_refused_in_a_sentence() -> None:
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=refuse_in_a_daemon, args=(theirs,), daemon=True)
    process.start()
    assert "daemonic process, such as a worker of multiprocessing.Pool" in ours.recv()
    process.join()


def test_a_job_outside_of_the_context_is_refused() -> None:
    with pytest.raises(RuntimeError, match="enter"):
        Processes(Scripted()).submit(make_job(0, None, to=1))


# A driver of its own: a script without a __main__ guard whose trainer is defined in it.
DRIVER = f"""
import os, signal, subprocess, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # what is started in the background has it ignored
sys.path.insert(0, {str(FOLDER)!r})
from metaopt.executors import Processes
from metaopt.training.functions import FunctionTrainer
from metaopt.engine.jobs import Finished, FromScratch, Job
class Local:
    def setup(self, options): pass
    def train(self, job, report):
        child = subprocess.Popen(["sleep", "60"], start_new_session=True)
        open(job.point, "w").write(f"{{os.getpid()}} {{child.pid}}")
        time.sleep(60)
try:
    with Processes(Local()) as executor:
        executor.submit(Job(0, sys.argv[1], FromScratch(), 1))
        executor.wait(lambda report: True)
except KeyboardInterrupt:
    print("interrupted", *executor.pids)
"""


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A driver whose worker is in the midst of an epoch, and the ids of the worker and of a process that it started."""
    script, sign = tmp_path / "driver.py", tmp_path / "pid"
    script.write_text(DRIVER)
    process = subprocess.Popen(
        [sys.executable, str(script), str(sign)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=FOLDER.parents[1],
        env={**os.environ, "PYTHONPATH": str(FOLDER.parents[1])},
    )
    until(lambda: (sign.exists() and " " in sign.read_text()) or process.poll() is not None)
    assert process.poll() is None, process.communicate()
    yield process, list(map(int, sign.read_text().split()))
    process.kill()
    process.communicate()


def until(condition: Callable[[], bool], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_driver_that_is_killed_takes_its_workers_and_their_processes_with_it(
    driver: tuple[subprocess.Popen[str], list[int]],
) -> None:
    process, started = driver
    assert not any(map(gone, started))
    os.killpg(process.pid, signal.SIGKILL)
    until(lambda: all(map(gone, started)), seconds=5)


def test_a_driver_and_worker_killed_at_once_leave_no_process(
    driver: tuple[subprocess.Popen[str], list[int]],
) -> None:
    process, started = driver
    os.kill(started[0], signal.SIGKILL)
    process.kill()
    until(lambda: all(map(gone, started)), seconds=5)


def test_ctrl_c_ends_the_workers_and_their_processes(driver: tuple[subprocess.Popen[str], list[int]]) -> None:
    process, started = driver
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    output, errors = process.communicate(timeout=10)
    assert output.startswith("interrupted")
    assert errors == ""
    assert all(map(gone, started))


def test_a_stopped_worker_is_said_with_what_continues_it(rough: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silence, "LEAST_S", 0.3)
    reports: list[Any] = []
    rough.submit(make_job(trial=1, point=functools.partial(time.sleep, 0.5), to=2))
    rough.wait(lambda report: reports.append(report) is None, timeout=30)
    os.kill(rough.pids[0], signal.SIGSTOP)
    rough.wait(lambda report: reports.append(report) is None, timeout=30)
    assert f"is stopped; kill -CONT {rough.pids[0]} continues it" in reports[-1].text
    os.kill(rough.pids[0], signal.SIGCONT)
    last(collect(rough), Finished)


def end_child() -> None:
    """Fork a process that waits, and end it with SIGTERM."""
    child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(0)
    time.sleep(0.1)
    os.kill(child, signal.SIGTERM)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGTERM


def test_a_worker_leaves_signals_of_a_service_to_its_driver(rough: Processes) -> None:
    rough.submit(make_job(trial=1, point=functools.partial(time.sleep, 0.3), to=2))
    rough.wait(lambda _: True, timeout=30)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        os.kill(rough.pids[0], number)
    last(collect(rough), Finished)
    last(run(rough, end_child), Finished)  # a process that the training forks ends as usual
