"""``metaopt serve`` and ``search --serve``: started as commands, asked over HTTP, and ended."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="needs pip install -r requirements-serve.txt")

from metaopt.cli.serve import main
from metaopt.errors import UserError
from metaopt.server.child import check_server, served_beside
from tests.cli.running import run_command
from tests.engine.synthetic import search

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


def get(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=60) as answer:
        return answer.read()


@pytest.mark.slow
def test_a_study_is_served_until_ctrl_c(tmp_path: Path) -> None:
    study = search(tmp_path / "results", trials=2)
    command = [sys.executable, ROOT / "metaopt", "serve", study.folder, "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    address = process.stdout.readline().split()[0]
    rows = json.loads(get(f"{address}studies/results/changes?since=0"))["table"]["rows"]
    assert [row["trial"] for row in rows] == [0, 1]
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    assert "Traceback" not in process.stderr.read()


def test_a_port_in_use_is_one_sentence(tmp_path: Path, capsys) -> None:
    study = search(tmp_path / "results", trials=1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        outcome = run_command(main, capsys, study.folder, "--port", port)
    assert outcome.errors == [f"Port {port} of 127.0.0.1 is in use: choose another --port, or 0 for a free one."]


@pytest.mark.parametrize("flags", [("--port", "70000"), ("--port", "x"), ("--host", "203.0.113.7")])
def test_wrong_addresses_are_errors(tmp_path: Path, capsys, flags: tuple[str, str]) -> None:
    study = search(tmp_path / "results", trials=1)
    assert run_command(main, capsys, study.folder, *flags).code == 2


def test_a_missing_study_is_an_error(tmp_path: Path, capsys) -> None:
    outcome = run_command(main, capsys, "--results", tmp_path / "absent")
    assert outcome.errors == [f"There is no folder {tmp_path / 'absent'}."]


@pytest.mark.slow
def test_the_page_beside_a_search_ends_with_it(tmp_path: Path) -> None:
    study = search(tmp_path / "results", trials=1)
    port, notes = free_port(), []
    with served_beside(study.folder, port, notes.append):
        address = f"http://127.0.0.1:{port}/"
        assert notes == [f"The page of the search is at {address}"]
        wait_until(lambda: b"live.js" in get(address))
    check_server(port)  # it is free again
    assert len(notes) == 1


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_the_page_ends_with_a_search_that_is_killed(tmp_path: Path) -> None:
    study = search(tmp_path / "results", trials=1)
    port = free_port()
    code = (
        "import sys, time; from pathlib import Path; from metaopt.server.child import served_beside\n"
        f"with served_beside(Path({str(study.folder)!r}), {port}, print): time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.DEVNULL)
    wait_until(lambda: b"live.js" in get(f"http://127.0.0.1:{port}/"))
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=60)
    wait_until(lambda: check_server(port) is None)


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds; what it raises while a server starts or ends does not count."""
    end = time.monotonic() + 60
    while True:
        try:
            if condition():
                return
        except (OSError, UserError):
            assert time.monotonic() < end
        time.sleep(0.1)
