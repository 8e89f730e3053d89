"""Error handling of every command: exit codes, messages with flags, interruption."""

import re
import traceback
from collections.abc import Callable

from metaopt.cli.arguments import is_debugging
from metaopt.errors import Note, ResultsNotWritable, UserError
from metaopt.problems.mistakes import Mistake, find_mistake
from metaopt.terminal.commands import remember_start
from metaopt.terminal.interruption import INTERRUPTED, Interruption, end_if_interrupted, interruptible
from metaopt.terminal.output import OutputStream, safe_output
from metaopt.terminal.printable import printable, printable_lines
from metaopt.terminal.wrapping import print_wrapped

# Parameters whose flags have other names.
_FLAGS = {
    "backbones": "--backbone",
    "targets": "--target",
    "lambda_": "--lambda",
    "mutations": "--mutation",
    "constraints": "--constraint",
    "seconds": "--time",
    "trial_timeout_s": "--trial-timeout",
    "first_cycle_s": "--first-cycle",
}


def guarded(work: Callable[[], None], interrupted: str = "interrupted.", prints_its_result: bool = True) -> int:
    """Run a command, whose output cannot fail, and return its exit code.

    Args:
        work: raises ``UserError`` for what a user can fix. An exception in a user's own files is shown by the user's
            lines; any other one is a bug and keeps its traceback.
        interrupted: message if the user (Ctrl-C) or the system (SIGTERM, SIGHUP) ends it.
        prints_its_result: its result is what it prints, so that a full disk is an error; otherwise it is in files.
    """
    remember_start()
    exit_code = _run(work, interrupted, prints_its_result)
    end_if_interrupted(exit_code)
    return exit_code


def _run(work: Callable[[], None], interrupted: str, prints_its_result: bool) -> int:
    """Run a command, and return its exit code."""
    with safe_output() as (out, err):
        interruption = Interruption(interrupted)
        try:
            with interruptible(interruption):
                work()
            if interruption.happened:  # a library has caught the exception, so the work may be incomplete
                raise KeyboardInterrupt
        except KeyboardInterrupt as error:
            # Without a signal, a user's file has raised it.
            if not interruption.happened and (mistake := find_mistake(error)) is not None:
                return _show(mistake, err)
            print_wrapped(f"\n{interrupted}", file=err)
            return INTERRUPTED
        except Exception as error:  # noqa: BLE001 - bugs are raised again
            if interruption.has_raised:  # it follows from the interruption
                print_wrapped(f"\n{interrupted}", file=err)
                return INTERRUPTED
            return _show_failure(error, err)
        except SystemExit as error:  # of a user's file, unless it is that of an argument
            if (mistake := find_mistake(error)) is None:
                raise
            return _show(mistake, err)
        failure = out.finish()
        if failure is None:
            return 0
        kind, rest = ("error", "") if prints_its_result else ("warning", "; the results are in their files")
        print_wrapped(f"{kind}: Cannot write all of the output ({failure.strerror or failure}){rest}.", file=err)
        return ResultsNotWritable.exit_code if prints_its_result else 0


def _show(error: UserError, err: OutputStream) -> int:
    """Print the message of an error and return the exit code."""
    if isinstance(error, Mistake):
        more = "" if is_debugging() else "\n--debug shows the whole traceback."
        print(f"error: {printable_lines(error)}{more}", file=err)
    else:
        print_wrapped(f"error: {printable(with_flags(error))}", file=err)
    return error.exit_code


def _show_failure(error: Exception, err: OutputStream) -> int:
    """Print the error of a user in one line, and return its exit code.

    Raises:
        Exception: The error is a bug.
    """
    if isinstance(error, UserError):
        if is_debugging() and error.__cause__ is not None:
            print("".join(traceback.format_exception(error.__cause__)), file=err)
        return _show(error, err)
    mistake = find_mistake(error)
    if mistake is None:
        raise error
    if is_debugging():
        print("".join(traceback.format_exception(error)), file=err)
    return _show(mistake, err)


def flag_of(parameter: str) -> str:
    """Return the flag of a parameter, e.g. ``--checkpoint-quota`` for ``checkpoint_quota``."""
    return _FLAGS.get(parameter, f"--{parameter.replace('_', '-')}")


def with_flags(message: UserError | str) -> str:
    """Return the message of an error, or a note, with flags for the names of its parameters.

    A name with an underscore is replaced wherever it occurs. Any other one is an English word too, such as "epochs",
    and is replaced where it first occurs, or as often as it is among the parameters.
    """
    parameters = message.parameters if isinstance(message, UserError | Note) else ()
    text = str(message)
    for parameter in parameters:
        name = rf"(?<![\w-]){re.escape(parameter)}\b"
        text = re.sub(name, flag_of(parameter), text, count=0 if "_" in parameter else 1)
    return text
