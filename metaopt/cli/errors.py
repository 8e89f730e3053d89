"""Error handling of every command: exit codes, messages with flags, interruption."""

import os
import re
import signal
import sys
from collections.abc import Callable

from metaopt.commands import remember_start
from metaopt.errors import UserError

INTERRUPTED = 130

# Parameters whose flags have other names.
_FLAGS = {"lambda_": "--lambda", "constraints": "--constraint", "seconds": "--time"}


def guarded(work: Callable[[], None], interrupted: str = "interrupted.") -> int:
    """Run a command and return its exit code.

    Args:
        work: raises ``UserError`` for what a user can fix; any other exception is a bug and keeps its traceback.
        interrupted: message if the user (Ctrl-C) or the system (SIGTERM) ends it.
    """
    remember_start()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        work()
        sys.stdout.flush()
    except UserError as error:
        print(f"error: {with_flags(error)}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(f"\n{interrupted}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def flag_of(parameter: str) -> str:
    """Return the flag of a parameter, e.g. ``--checkpoint-quota`` for ``checkpoint_quota``."""
    return _FLAGS.get(parameter, f"--{parameter.replace('_', '-')}")


def with_flags(error: UserError) -> str:
    """Return the message of an error, with flags for the names of its parameters where they first occur."""
    message = str(error)
    for parameter in error.parameters:
        name = rf"(?<![\w-]){re.escape(parameter)}\b"
        message = re.sub(name, flag_of(parameter), message, count=1)
    return message


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
