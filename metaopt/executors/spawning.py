"""Start of a spawned process: its environment, and what multiprocessing would do besides."""

import contextlib
import os
import signal
import sys
import types
from collections.abc import Iterator
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess
from pathlib import Path


def start_process(process: BaseProcess, variables: dict[str, str]) -> None:
    """Start a process of the context ``spawn``, which does not run the user's script again.

    Args:
        process: the process; its main function ignores Ctrl-C, which does not reach it before.
        variables: environment variables that it has besides those of this process.
    """
    _leave_deleted_folder()
    with _interrupts_blocked(), _inherited(variables), _main_hidden():
        process.start()


@contextlib.contextmanager
def _inherited(variables: dict[str, str]) -> Iterator[None]:
    """Set environment variables for processes started within the context; a worker's own code could not in time."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Block Ctrl-C within the context, so that a new process does not die of it before it ignores it."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    # Its first start would unblock the signal, and it has to outlive the workers, so it must not inherit their marks.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _leave_deleted_folder() -> None:
    """Change to a folder that exists, where a new process can start, if the user's code is in one that was deleted."""
    try:
        os.getcwd()
    except FileNotFoundError:
        os.chdir(Path(sys.executable).anchor)


@contextlib.contextmanager
def _main_hidden() -> Iterator[None]:
    """Keep processes started within the context from running the user's script again, as multiprocessing's would.

    cloudpickle sends definitions of the script by value, so it is not needed, and a script may search without an
    ``if __name__ == "__main__"`` guard (loky does the same).
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
