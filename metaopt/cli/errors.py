"""What every command does around its work: exit codes, one clear line for what a user can mend, interruption."""

import os
import signal
import sys
from collections.abc import Callable

from metaopt.errors import UserError

INTERRUPTED = 130


def guarded(work: Callable[[], None], interrupted: str = "interrupted.") -> int:
    """Runs a command's work and returns the exit code.

    Args:
        work: raises ``UserError`` for what a user can mend; any other exception is a bug and keeps its traceback.
        interrupted: said when the user, or the system by SIGTERM, ends it.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        work()
        sys.stdout.flush()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(f"\n{interrupted}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
