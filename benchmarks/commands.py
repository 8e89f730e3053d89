"""Commands of the program for a benchmark: some at a time, each with its share of the cores."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
INTERRUPTED = 130
# A benchmark that is killed takes its commands with it, where the system offers that.
MORTAL = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
# What joblib takes for the number of cores, and what the libraries do.
_CORES = ("LOKY_MAX_CPU_COUNT", "OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


class Commands:
    """Runs commands of the program.

    Args:
        parallel: how many at once, 1 or more; they share the cores that this process may use.
    """

    def __init__(self, parallel: int) -> None:
        self._parallel = parallel
        threads = max(1, len(os.sched_getaffinity(0)) // parallel)
        self._environment = {**os.environ, **dict.fromkeys(_CORES, str(threads)), "TF_CPP_MIN_LOG_LEVEL": "3"}
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def all(self, jobs: Sequence[Callable[[], None]]) -> None:
        """Run jobs that each call commands; an exception of any job, Ctrl-C included, ends them all."""
        pool = ThreadPoolExecutor(self._parallel)
        try:
            for done in [pool.submit(job) for job in jobs]:
                done.result()
        except BaseException:  # Ctrl-C, too, ends the commands
            self._stop()
            raise
        finally:
            pool.shutdown(cancel_futures=True)

    def call(self, command: Sequence[str], log: Path, python: str | None = None) -> int:
        """Run ``python …`` in the program's folder, append its output to a file, and return its exit code.

        Args:
            command: arguments of Python.
            log: the file.
            python: another Python than this one.
        """
        with open(log, "ab") as output:
            with self._lock:
                if self._stopped:
                    return INTERRUPTED
                process = subprocess.Popen(
                    [*MORTAL, python or sys.executable, *command],
                    cwd=ROOT,
                    env=self._environment,
                    stdout=output,
                    stderr=output,
                )
                self._running.add(process)
            try:
                return process.wait()
            finally:
                with self._lock:
                    self._running.discard(process)

    def _stop(self) -> None:
        with self._lock:
            self._stopped = True
            for process in self._running:
                process.terminate()
