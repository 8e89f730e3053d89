"""Ends what a training started: also processes that outlive their worker, or were detached from it.

Each worker has a mark in its environment, which its descendants inherit, whoever their parent is by then. When a driver
is killed, nobody is left to look for them, so a small process, the guardian, waits for the driver's end and does it.
The guardian runs this file as a script.
"""

import contextlib
import importlib.util
import os
import select
import signal
import subprocess
import sys
from multiprocessing import spawn
from pathlib import Path

import psutil

VARIABLE = "METAOPT_WORKERS"  # marks, separated by commas: a training may itself search with workers
_ROUNDS = 10  # a process that forks while it is looked for is found in the next round


def add_mark(mark: str) -> str:
    """Return the value of ``VARIABLE`` for a process with a further mark."""
    return ",".join(filter(None, [os.environ.get(VARIABLE), mark]))


def kill_marked(mark: str) -> None:
    """Kill every process of this user with a mark, except this one and processes that read other environments."""
    for _ in range(_ROUNDS):
        found = [process for process in psutil.process_iter() if _has_mark(process, mark)]
        if not found:
            return
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(found, timeout=0.5)


def kill_group(group: int) -> None:
    """Kill the processes of a group, on systems that have them."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


def _has_mark(process: psutil.Process, mark: str) -> bool:
    try:
        if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
            return False
        return mark in process.environ().get(VARIABLE, "").split(",")
    except (psutil.Error, OSError, ValueError):  # another user's, or gone
        return False


class Guardian:
    """Kills the processes with a mark when this process ends in any way."""

    def __init__(self, mark: str) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        if os.name != "posix":
            return
        # In a session of its own, so that neither Ctrl-C nor a kill of the driver's group reaches it.
        with contextlib.suppress(OSError):
            self._process = subprocess.Popen(
                [os.fsdecode(spawn.get_executable()), "-P", __file__, mark],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

    def dismiss(self) -> None:
        """End the guardian, after the workers were ended."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stdin is not None:
                self._process.stdin.close()


def _guard(mark: str) -> None:
    """Wait until the driver has ended, then kill the processes with the mark.

    Its end closes the pipe. A process that it forked may keep the pipe open, so its number is watched, too.
    """
    for name in ("SIGTERM", "SIGHUP"):  # systemd and SLURM send them to every process of a search
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    driver = os.getppid()
    while os.getppid() == driver and not select.select([sys.stdin], [], [], 1.0)[0]:
        pass
    kill_marked(mark)
    _remove_unused_folders()


def _remove_unused_folders() -> None:
    """Remove the temporary folders of the processes that were killed; this script cannot import metaopt."""
    file = Path(__file__).parents[1] / "files" / "held_folders.py"
    spec = importlib.util.spec_from_file_location("held_folders", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.remove_unused()


if __name__ == "__main__":
    _guard(sys.argv[1])
