"""Interruption: one way out of a command, whichever the moment and however often the signal comes."""

import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path

import pytest

from metaopt.terminal.interruption import Interruption, first_interrupt_noted, interruptible, interrupts_deferred

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow

# A command whose work the test chooses; the first line is what hyperopt_optimize.py does first.
COMMAND = """
from metaopt.terminal.interruption import end_on_interrupts
end_on_interrupts()
import sys, time
{before}
from metaopt.cli.errors import guarded
def work():
    print("working", flush=True)
    {work}
sys.exit(guarded(work, "interrupted: all is saved."))
"""
SWALLOWS = """while True:
        try:
            time.sleep(0.05)
        except KeyboardInterrupt:
            pass"""
CONVERTS = """try:
        time.sleep(30)
    except KeyboardInterrupt:
        raise ImportError("half imported") from None"""


def _take_hangups() -> None:
    """Take SIGHUP as a shell does, also where the tests run under nohup; in the new process, before the program."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def _take_terminal() -> None:
    """Make standard input the terminal of the new process."""
    _take_hangups()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def interrupt(code: str, signals: list[signal.Signals], gap_s: float = 0.01) -> tuple[int, float, str]:
    """Send signals once the command prints; return its exit code, the seconds from the first one, and its errors."""
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=_take_hangups,  # noqa: PLW1509
    )
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.1)
    start = time.monotonic()
    for number in signals:
        process.send_signal(number)
        time.sleep(gap_s)
    try:
        _, err = process.communicate(timeout=30)
    finally:
        process.kill()  # of a command that does not end
    return process.returncode, time.monotonic() - start, err


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.parametrize(
    ("before", "work"),
    [
        ("print('importing', flush=True); time.sleep(30)", "pass"),
        ("", "time.sleep(30)"),
        ("", SWALLOWS),
        ("", CONVERTS),
        ("import atexit; atexit.register(time.sleep, 30)", "time.sleep(30)"),
    ],
    ids=["imports", "works", "swallows", "converts", "slow end"],
)
def test_ctrl_c_exits_with_130_within_two_seconds(before: str, work: str, count: int) -> None:
    code, seconds, err = interrupt(COMMAND.format(before=before, work=work), [signal.SIGINT] * count)
    assert code == 130, err
    assert seconds < 3  # 1.2 s, and what a busy machine adds
    assert "Traceback" not in err
    assert err.count("interrupted") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP], ids=["background", "nohup"])
def test_a_signal_that_the_shell_ignores_stays_ignored(number: signal.Signals) -> None:
    before = f"import signal; signal.signal({int(number)}, signal.SIG_IGN)"
    code, _, err = interrupt(COMMAND.format(before=before, work="time.sleep(0.5)"), [number])
    assert (code, err) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["SIGTERM", "SIGHUP"])
def test_a_service_or_a_closed_session_ends_a_command_as_ctrl_c(number: signal.Signals) -> None:
    code, seconds, err = interrupt(COMMAND.format(before="", work="time.sleep(30)"), [number])
    assert (code, err) == (130, "\ninterrupted: all is saved.\n")
    assert seconds < 3


# Work that ends one second after the first signal, as an epoch does.
PATIENT = """from metaopt.terminal.interruption import first_interrupt_noted
    with first_interrupt_noted() as interruption:
        while not interruption.happened:
            time.sleep(0.01)
        time.sleep(2)
        print("epoch ended", file=sys.stderr)
        interruption.finish()"""


@pytest.mark.parametrize(
    "number",
    [signal.SIGINT, signal.SIGTERM, signal.SIGHUP],
)
def test_the_first_signal_lets_an_epoch_end_then_exits_with_130(number: signal.Signals) -> None:
    code, seconds, err = interrupt(COMMAND.format(before="", work=PATIENT), [number])
    assert (code, err) == (130, "epoch ended\n\ninterrupted: all is saved.\n")
    assert seconds > 2  # longer than the grace that other commands are given


@pytest.mark.parametrize(
    "numbers",
    [[signal.SIGHUP] * 2, [signal.SIGTERM, signal.SIGHUP], [signal.SIGTERM] * 3],
    ids=["closed terminal", "systemd", "batch system"],
)
def test_a_signal_that_comes_several_times_at_once_is_one(numbers: list[signal.Signals]) -> None:
    code, _, err = interrupt(COMMAND.format(before="", work=PATIENT), numbers, gap_s=0.1)
    assert (code, err) == (130, "epoch ended\n\ninterrupted: all is saved.\n")


def test_a_later_sigterm_ends_at_once() -> None:
    work = PATIENT.replace("sleep(2)", "sleep(20)")
    code, seconds, err = interrupt(COMMAND.format(before="", work=work), [signal.SIGTERM] * 2, gap_s=1.5)
    assert (code, err) == (130, "\ninterrupted: all is saved.\n")
    assert seconds < 6


@pytest.mark.parametrize("count", [2, 5])
def test_the_second_signal_ends_at_once(count: int) -> None:
    code, seconds, err = interrupt(COMMAND.format(before="", work=PATIENT), [signal.SIGINT] * count, gap_s=0.1)
    assert (code, err) == (130, "\ninterrupted: all is saved.\n")
    assert seconds < 2


def test_a_library_that_ignores_the_second_signal_is_ended() -> None:
    work = PATIENT.replace("time.sleep(2)", SWALLOWS.replace("\n", "\n    "))
    code, seconds, err = interrupt(COMMAND.format(before="", work=work), [signal.SIGINT] * 2, gap_s=0.1)
    assert (code, err) == (130, "\ninterrupted: all is saved.\n")
    assert seconds < 3


def test_a_closed_terminal_lets_an_epoch_end(tmp_path: Path) -> None:
    """The terminal is gone when the work and the command print their last lines."""
    ended = tmp_path / "ended"
    work = PATIENT.replace('print("epoch ended", file=sys.stderr)', f"print('end'); open({str(ended)!r}, 'w').close()")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND.format(before="", work=work)],
        cwd=ROOT,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=_take_terminal,  # noqa: PLW1509
    )
    os.close(theirs)
    received = b""
    while not received.endswith(b"\n"):  # a terminal may hand over a line in parts
        received += os.read(ours, 100)
    assert received == b"working\r\n"
    time.sleep(0.1)
    os.close(ours)
    try:
        assert process.wait(timeout=30) == 130
    finally:
        process.kill()
    assert ended.exists()


def test_outside_of_a_command_the_first_ctrl_c_raises() -> None:
    def work() -> None:
        with first_interrupt_noted() as interruption:
            assert interruption is None
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)

    with pytest.raises(KeyboardInterrupt):
        work()


def test_handlers_are_restored_in_the_process_of_a_caller() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    interruption = Interruption("interrupted.")

    def work() -> None:
        with interruptible(interruption):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert interruption.happened
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_deferred_ctrl_c_is_raised_at_the_end() -> None:
    steps = []

    def work() -> None:
        with interrupts_deferred():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)
            steps.append("whole")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert steps == ["whole"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_other_threads_leave_signals_alone() -> None:
    found: list[bool] = []

    def work() -> None:
        with interruptible(Interruption("interrupted.")), interrupts_deferred():
            found.append(signal.getsignal(signal.SIGINT) is signal.default_int_handler)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [True]
