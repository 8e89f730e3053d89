"""Processes of the searches: each is started pinned, watched, and killed with everything that it started."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.searches.recorder import read_events
from metaopt.executors.descendants import VARIABLE, Guardian, add_mark, kill_marked
from metaopt.spaces import Vals

_SHORT_LIMIT_S = 300.0
_LOG_LINES = 15
_SAMPLE_EVERY_S = 2.0  # between readings of CPU times
_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"  # with it, each search would compile all modules again


class SearchFailed(RuntimeError):
    """A process of a search ended with an error; the message has the end of its log."""


@dataclass(frozen=True)
class Order:
    """Task of a process.

    Attributes:
        kind: ``search``, or ``configurations`` for a list of networks.
        method: name of the method or trainer.
        task: name of the task.
        data: folder of data.
        seed: seed.
        epochs: maximum epochs of a training.
        cpus: numbers of the cores that it may use.
        networks: draws of the networks of ``configurations``.
    """

    kind: str
    method: str
    task: str
    data: Path
    seed: int
    epochs: int
    cpus: tuple[int, ...]
    networks: Sequence[Vals] = ()


@dataclass(frozen=True)
class Outcome:
    """Events and costs of a process.

    Attributes:
        events: its events, see ``Recorder``.
        wall_s: seconds until it ended or was killed.
        cpu_s: CPU seconds of the process and all that it started, read every two seconds.
        judged: see ``measure_test_accuracy``; None without a network.
    """

    events: list[dict[str, Any]]
    wall_s: float
    cpu_s: float
    judged: dict[str, float] | None


def carry_out(order: Order, limit_s: float | None, judge: bool = True) -> Outcome:
    """Run an order in a process of its own, and delete its files.

    Args:
        order: what to do.
        limit_s: seconds after which it is killed; None if it ends by itself.
        judge: whether the test accuracy of the best network is measured afterwards.

    Raises:
        SearchFailed: it ended with an error, or before its limit.
    """
    # A short path, because Ray's sockets are in it.
    folder = Path(tempfile.mkdtemp(prefix="search_"))
    try:
        wall_s, cpu_s = _run(order, folder, limit_s)
        events = read_events(folder)
        judged = _judge(order, folder) if judge else None
        return Outcome(events, wall_s, cpu_s, judged)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def import_once(modules: Sequence[str], cpus: Sequence[int]) -> None:
    """Import modules in a process, so that their files are compiled and in memory for the searches that follow.

    Raises:
        SearchFailed: a module cannot be imported.
    """
    with tempfile.TemporaryDirectory(prefix="search_") as name:
        _finish({"kind": "import", "modules": modules, "cpus": cpus}, Path(name))


def _run(order: Order, folder: Path, limit_s: float | None) -> tuple[float, float]:
    """Run an order; return its wall seconds and its CPU seconds."""
    mark = uuid.uuid4().hex
    guardian = Guardian(mark)
    log = folder / "log.txt"
    try:
        began = time.monotonic()
        process = _start(_content(order, folder, began), folder, log, mark, len(order.cpus))
        cpu_s: dict[int, float] = {}
        code = None
        while code is None and (limit_s is None or time.monotonic() - began < limit_s):
            left_s = _SAMPLE_EVERY_S if limit_s is None else began + limit_s - time.monotonic()
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = process.wait(min(_SAMPLE_EVERY_S, max(0.0, left_s)))
            _sample_cpu_s(process.pid, cpu_s)
        wall_s = time.monotonic() - began
    finally:
        kill_marked(mark)
        guardian.dismiss()
    process.wait()
    if code:
        raise SearchFailed(f"exit code {code}\n{_end_of(log)}")
    if code == 0 and limit_s is not None:
        raise SearchFailed(f"The method ended after {wall_s:.0f} of {limit_s:g} s.")
    return wall_s, sum(cpu_s.values())


def _sample_cpu_s(number: int, cpu_s: dict[int, float]) -> None:
    """Update the CPU seconds of a process and its descendants, by their numbers; those that have ended keep theirs."""
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(number)
        for process in (root, *root.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                cpu_s[process.pid] = times.user + times.system


def _judge(order: Order, folder: Path) -> dict[str, float] | None:
    _finish({**_content(order, folder, 0.0), "kind": "judge"}, folder)
    found: dict[str, float] | None = json.loads((folder / "test.json").read_text())
    return found


def _finish(content: dict[str, Any], folder: Path) -> None:
    """Run a short order to its end.

    Raises:
        SearchFailed: it ended with an error, or takes too long.
    """
    log = folder / "short.txt"
    process = _start(content, folder, log, uuid.uuid4().hex, len(content["cpus"]))
    try:
        process.wait(_SHORT_LIMIT_S)
    except subprocess.TimeoutExpired as error:
        raise SearchFailed(f"The process ({content['kind']}) took more than {_SHORT_LIMIT_S:g} s.") from error
    finally:
        process.kill()
    if process.returncode:
        raise SearchFailed(_end_of(log))


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-_LOG_LINES:])


def _content(order: Order, folder: Path, began: float) -> dict[str, Any]:
    return {**vars(order), "data": str(order.data), "folder": str(folder), "began": began}


def _start(content: dict[str, Any], folder: Path, log: Path, mark: str, cpus: int) -> subprocess.Popen[bytes]:
    path = folder / "order.json"
    path.write_text(json.dumps(content))
    threads = dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), str(cpus))
    environment = {
        **{name: value for name, value in os.environ.items() if name != _NO_BYTECODE},
        **(threads if cpus else {}),
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "",
        VARIABLE: add_mark(mark),
    }
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "benchmarks.searches.child", str(path)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=Path(__file__).resolve().parents[2],
        )
