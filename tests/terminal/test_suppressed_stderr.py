"""Suppression of standard error, that of compiled libraries included."""

import os
import subprocess
import sys

import pytest

from metaopt.terminal.suppressed_stderr import suppressed_stderr


def write(text: str) -> None:
    """Write to the file descriptor, as a compiled library does."""
    os.write(2, text.encode())


def test_output_of_libraries_is_dropped(capfd) -> None:
    with suppressed_stderr():
        write("from a library\n")
    assert capfd.readouterr().err == ""


def test_stderr_works_before_and_after(capfd) -> None:
    write("before\n")
    with suppressed_stderr():
        write("dropped\n")
    write("after\n")
    assert capfd.readouterr().err == "before\nafter\n"


def test_an_exception_shows_what_was_written(capfd) -> None:
    def load() -> None:
        with suppressed_stderr():
            write("libcudnn.so: cannot open\n")
            raise ImportError("no backend")

    with pytest.raises(ImportError):
        load()
    assert capfd.readouterr().err == "libcudnn.so: cannot open\n"


def test_ctrl_c_shows_nothing_of_libraries(capfd) -> None:
    def load() -> None:
        with suppressed_stderr():
            write("I0000 port.cc: oneDNN custom operations are on.\n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load()
    assert capfd.readouterr().err == ""


def test_no_file_descriptor_leaks() -> None:
    before = os.listdir("/dev/fd")
    for _ in range(20):
        with suppressed_stderr():
            pass
    assert len(os.listdir("/dev/fd")) == len(before)


def test_output_of_python_is_dropped() -> None:
    script = """
import sys
from metaopt.terminal.suppressed_stderr import suppressed_stderr
sys.stderr.write("before ")
with suppressed_stderr():
    sys.stderr.write("dropped ")
sys.stderr.write("after")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == "before after"


def test_output_of_child_processes_is_dropped(capfd) -> None:
    with suppressed_stderr():
        subprocess.run([sys.executable, "-c", "import sys; sys.stderr.write('child')"], check=True)
    assert capfd.readouterr().err == ""
