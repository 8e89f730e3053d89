"""Exit codes and messages of the commands."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from metaopt.cli.errors import INTERRUPTED, flag_of, guarded, with_flags
from metaopt.errors import (
    NoneFeasible,
    Note,
    NoTrialSucceeded,
    ResultsNotWritable,
    StudyMismatch,
    UserError,
    invalid_value,
)
from metaopt.problems.mistakes import Mistake, mistakes_explained
from metaopt.problems.user_files import run_file


@pytest.fixture(autouse=True)
def _same_signals() -> Iterator[None]:
    """The handler that a command installs does not outlive the test."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def raising(error: BaseException):
    def work() -> None:
        raise error

    return work


def test_success_exits_with_0(capsys) -> None:
    assert guarded(lambda: sys.stdout.write("done\n")) == 0
    assert capsys.readouterr() == ("done\n", "")


@pytest.mark.parametrize(
    ("error", "code"),
    [(UserError, 2), (StudyMismatch, 3), (NoTrialSucceeded, 4), (NoneFeasible, 5), (ResultsNotWritable, 6)],
)
def test_user_errors_are_one_line_with_an_exit_code(capsys, error: type[UserError], code: int) -> None:
    assert guarded(raising(error("The folder is locked."))) == code
    assert capsys.readouterr() == ("", "error: The folder is locked.\n")


def test_bugs_keep_their_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        guarded(raising(ZeroDivisionError()))


@pytest.mark.parametrize(
    ("parameter", "flag"),
    [
        ("folds", "--folds"),
        ("checkpoint_quota", "--checkpoint-quota"),
        ("lambda_", "--lambda"),
        ("constraints", "--constraint"),
        ("seconds", "--time"),
    ],
)
def test_flag_of_a_parameter(parameter: str, flag: str) -> None:
    assert flag_of(parameter) == flag


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (invalid_value("lambda_", 0, "Expected an integer >= 1."), "value for --lambda: 0. Expected an integer >= 1."),
        (UserError("min_epochs is above epochs.", "epochs", "min_epochs"), "--min-epochs is above --epochs."),
        (UserError("folds is 9: lower folds.", "folds"), "--folds is 9: lower folds."),
        (UserError("The strategies are many.", "strategy"), "The strategies are many."),
        (UserError("Use --seed 3.", "seed"), "Use --seed 3."),
        (UserError("The data are gone."), "The data are gone."),
        (UserError("min_epochs is 9: lower min_epochs.", "min_epochs"), "--min-epochs is 9: lower --min-epochs."),
        (UserError("eta 3 needs 9 epochs, eta 2 4.", "eta", "eta"), "--eta 3 needs 9 epochs, --eta 2 4."),
        (Note("Set image_size to change this.", "image_size"), "Set --image-size to change this."),
        ("Set image_size to change this.", "Set image_size to change this."),
    ],
)
def test_messages_show_flags_in_place_of_parameters(error: UserError | str, shown: str) -> None:
    assert with_flags(error).endswith(shown)


def test_printed_errors_name_flags(capsys) -> None:
    assert guarded(raising(invalid_value("min_epochs", 9, "Expected at most 3."))) == 2
    assert capsys.readouterr().err == "error: Invalid value for --min-epochs: 9. Expected at most 3.\n"


def test_interruption_exits_with_130_and_its_message(capsys) -> None:
    assert guarded(raising(KeyboardInterrupt()), "interrupted: all is saved.") == INTERRUPTED == 130
    assert capsys.readouterr().err == "\ninterrupted: all is saved.\n"


def test_sigterm_interrupts_like_ctrl_c(capsys) -> None:
    def work() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)
        raise AssertionError("not interrupted")

    assert guarded(work) == INTERRUPTED
    assert capsys.readouterr().err == "\ninterrupted.\n"


@pytest.mark.slow
def test_a_reader_that_closes_the_pipe_is_no_error() -> None:
    script = "from metaopt.cli.errors import guarded; input(); raise SystemExit(guarded(lambda: print('line')))"
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.write(b"\n")
        process.stdin.flush()
        errors = process.stderr.read()
    assert (process.returncode, errors) == (0, b"")


def test_error_is_one_line_whatever_a_name_holds(capsys) -> None:
    assert guarded(raising(UserError("No class \x1b[2J\nerror: done\u202e in caf\udce9."))) == 2
    assert capsys.readouterr().err == "error: No class \\x1b[2J\\nerror: done\\u202e in caf\\xe9.\n"


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize(("prints_its_result", "code", "kind"), [(True, 6, "error"), (False, 0, "warning")])
def test_full_disk_of_the_output_is_one_sentence(prints_its_result: bool, code: int, kind: str) -> None:
    script = (
        "from metaopt.cli.errors import guarded; "
        f"raise SystemExit(guarded(lambda: print('line'), prints_its_result={prints_its_result}))"
    )
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-c", script], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == code
    assert done.stderr.decode().startswith(f"{kind}: Cannot write all of the output (No space left on device)")
    assert done.stderr.count(b"\n") == 1


def test_exit_in_a_users_function_is_a_mistake(capsys, tmp_path) -> None:
    file = tmp_path / "problem.py"
    file.write_text("import sys\n\ndef network(point):\n    sys.exit(3)\n")
    network = run_file(file)["network"]
    assert guarded(lambda: network({})) == 2
    assert "problem.py, line 4: SystemExit: 3" in capsys.readouterr().err
    with pytest.raises(Mistake, match="line 4: SystemExit: 3"), mistakes_explained(network):
        network({})
    with pytest.raises(SystemExit):  # of the parser of arguments
        guarded(lambda: sys.exit(2))


def test_a_keyboard_interrupt_raised_by_a_user_s_file_is_its_mistake(tmp_path, capsys) -> None:
    file = tmp_path / "mine.py"
    file.write_text("def network(point):\n    raise KeyboardInterrupt\n")
    network = run_file(file)["network"]
    assert guarded(lambda: network({})) == 2
    assert "mine.py, line 2: KeyboardInterrupt" in capsys.readouterr().err

    file.write_text("import signal\n\ndef network(point):\n    signal.raise_signal(signal.SIGINT)\n")
    network = run_file(file)["network"]
    assert guarded(lambda: network({})) == INTERRUPTED  # the user pressed Ctrl-C while it ran
    assert capsys.readouterr().err == "\ninterrupted.\n"
