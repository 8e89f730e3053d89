"""The server as a process of its own beside a search: it never slows or stops the search, and ends with it."""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import metaopt
from metaopt.server.run import HOST, require_free_port, require_server

_NICENESS = 10
_PATIENCE_S = 5.0


def check_server(port: int | None) -> None:
    """Check that a page can be served; None serves nothing.

    Raises:
        UserError: A library is missing, or the port is in use.
    """
    if port is not None:
        require_server()
        require_free_port(port)


@contextlib.contextmanager
def served_beside(folder: Path, port: int | None, note: Callable[[str], None]) -> Iterator[None]:
    """Serve the page of a study within the context.

    Args:
        folder: folder of the study, which exists.
        port: the port; None to serve nothing.
        note: called with messages for the user.
    """
    if port is None:
        yield
        return
    program = [sys.executable, str(Path(metaopt.__path__[0])), "serve", str(folder), "--port", str(port)]
    # A session of its own: Ctrl-C ends the search at its next epoch, and the page shows it until then.
    process = subprocess.Popen(
        [*program, "--until-closed"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    note(f"The page of the search is at http://{HOST}:{port}/")
    try:
        yield
    finally:
        if process.poll() is not None:
            reason = (process.stderr.read() if process.stderr else "").strip().splitlines()
            note(f"The page was not served to the end: {reason[-1] if reason else process.returncode}")
        with contextlib.suppress(OSError, ValueError):
            process.communicate(timeout=_PATIENCE_S)  # closes its standard input, whereupon it ends
        process.kill()


def end_with_standard_input() -> threading.Event:
    """Return what is set when the standard input is closed, as it is when the search ends in any way."""
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    closed = threading.Event()

    def wait() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 1024):
                pass
        closed.set()

    threading.Thread(target=wait, daemon=True).start()
    return closed
