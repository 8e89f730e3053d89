"""Suppression of stderr while a framework is imported."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def suppressed_stderr() -> Iterator[None]:
    """Drop the output on standard error, that of compiled libraries included, unless an error passes.

    TensorFlow's libraries print half a dozen lines before its logging is set up, which no setting turns off.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as aside:
        os.dup2(aside.fileno(), 2)
        try:
            yield
        except (Exception, SystemExit):  # what a Ctrl-C interrupts has nothing to tell
            sys.stderr.flush()
            aside.seek(0)
            os.write(kept, aside.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
