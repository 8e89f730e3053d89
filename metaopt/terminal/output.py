"""Standard output and standard error of the commands: streams to which every text can be written.

A terminal or a file may lack a letter (latin-1, cp932), be absent (a program without a console), be closed by its
reader (``| head``), or be on a full disk. None of these ends the work of a command.
"""

import codecs
import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO, cast

from metaopt.terminal.printable import printable_lines

# Signs of our own that are legible without their encoding. Letters of names are escaped instead.
_PLAIN = {
    **dict.fromkeys("–—−·─━╸╺╴╶", "-"),
    **dict.fromkeys("│┃", "|"),
    **dict.fromkeys("‘’", "'"),
    **dict.fromkeys("“”", '"'),
    **{"★": "*", "×": "x", "…": "...", "±": "+-", "→": "->", "≤": "<=", "≥": ">=", "μ": "mu", "λ": "lambda"},
    **{"χ": "chi", "²": "^2", "≈": "~", "∞": "inf", "↑": "^", "↓": "v", "\xa0": " "},
}
_REPLACING = "metaopt.replacing"
# The reader of a pipe has seen enough, or the terminal is gone. Windows reports a closed pipe as EINVAL.
_CLOSED = {errno.EPIPE, errno.EBADF, errno.EIO, errno.ENXIO, errno.ECONNRESET, errno.ESHUTDOWN}
_CLOSED |= {errno.EINVAL} if os.name == "nt" else set()


def _replace(error: UnicodeError) -> tuple[str, int]:
    """Replace the characters that an encoding lacks; an error handler of ``str.encode``."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    plain = (_PLAIN.get(letter) or letter.encode("ascii", "backslashreplace").decode() for letter in missing)
    return "".join(plain), error.end


codecs.register_error(_REPLACING, _replace)


class _Sink:
    """The stream below, and whether it can still be written.

    Attributes:
        stream: the stream; None if there is none.
        failure: the first error of the file system, e.g. of a full disk; None without one.
        is_lost: its reader has closed it, so nobody sees what is written.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self.stream = stream
        self.failure: OSError | None = None
        self.is_lost = stream is None or bool(getattr(stream, "closed", False))

    def attempt(self, method: str, *arguments: Any) -> bool:
        """Call a method of the stream; return whether it succeeded."""
        if self.stream is None or self.is_lost:
            return False
        try:
            getattr(self.stream, method)(*arguments)
        except ValueError:  # it is closed on our side
            self.is_lost = True
        except OSError as error:
            if error.errno in _CLOSED:
                self.is_lost = True
                self.discard()
            else:  # a disk that is full now may have space for the next lines
                self.failure = self.failure or error
            return False
        return not self.is_lost

    def discard(self) -> None:
        """Send what the stream still holds to nowhere, so that the interpreter does not fail on it at its exit."""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            descriptor = self.stream.fileno() if self.stream else -1
            if descriptor in (1, 2):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, descriptor)
                os.close(nowhere)


class OutputStream(io.TextIOBase):
    """Text stream whose ``write`` never raises: it replaces what the encoding lacks, and drops what cannot be written.

    Args:
        stream: the stream to write to; None, or a closed one, drops everything.
        escapes_controls: escape control characters other than line breaks and tabs. Without it, a library can draw on
            the terminal; text of users must then go through ``metaopt.terminal.printable``.
    """

    def __init__(self, stream: TextIO | None, escapes_controls: bool = True) -> None:
        super().__init__()
        self._sink = _Sink(stream)
        self._escapes_controls = escapes_controls

    def write(self, text: str) -> int:
        """Write text as far as possible, and return its length."""
        shown = printable_lines(text) if self._escapes_controls else text
        encoding = self.encoding
        try:
            shown = shown.encode(encoding, _REPLACING).decode(encoding)
        except (LookupError, UnicodeError):  # an encoding that Python does not know
            shown = shown.encode("ascii", _REPLACING).decode("ascii")
        self._sink.attempt("write", shown)
        return len(text)

    def flush(self) -> None:
        """Flush as far as possible."""
        self._sink.attempt("flush")

    def finish(self) -> OSError | None:
        """Flush; return the first error of the file system since the stream was made, or None."""
        if not self._sink.attempt("flush"):
            self._sink.discard()
        return self._sink.failure

    @property
    def is_lost(self) -> bool:
        """Whether its reader has closed it, so that nobody sees what is written."""
        return self._sink.is_lost

    @property
    def drawing(self) -> "OutputStream":
        """The same stream without the escapes, for a library that draws on a terminal."""
        other = OutputStream(None, escapes_controls=False)
        other._sink = self._sink
        return other

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Encoding of the stream below."""
        return getattr(self._sink.stream, "encoding", None) or "utf-8"

    @property
    def errors(self) -> str:  # type: ignore[override]
        """Error handling of the encoding."""
        return "replace"

    @property
    def buffer(self) -> Any:
        """Binary stream below, for a library that writes bytes."""
        return getattr(self._sink.stream, "buffer", None) or io.BytesIO()

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        try:
            return self._sink.stream is not None and not self.is_lost and self._sink.stream.isatty()
        except (OSError, ValueError):
            return False

    def fileno(self) -> int:
        """Return the file descriptor.

        Raises:
            io.UnsupportedOperation: there is none.
        """
        if self._sink.stream is None:
            raise io.UnsupportedOperation("fileno")
        return self._sink.stream.fileno()

    def writable(self) -> bool:
        """Return True."""
        return True

    def close(self) -> None:
        """Flush only: the stream below belongs to others."""
        self.flush()


def terminal(stream: TextIO | None) -> TextIO:
    """Return a stream for a library that draws on a terminal: control characters pass, and nothing can fail."""
    if isinstance(stream, OutputStream):
        return cast(TextIO, stream.drawing)
    return cast(TextIO, OutputStream(stream, escapes_controls=False))


def is_lost(stream: object) -> bool:
    """Return whether nobody reads what is written to a stream any more, e.g. after ``| head`` has ended."""
    return isinstance(stream, OutputStream) and stream.is_lost


@contextlib.contextmanager
def safe_output(escapes_controls: bool = True) -> Iterator[tuple[OutputStream, OutputStream]]:
    """Replace ``sys.stdout`` and ``sys.stderr`` by streams that never raise, within the context.

    Args:
        escapes_controls: see ``OutputStream``.

    Yields:
        Both streams. Within another such context they are those of the outer one.
    """
    out, err = sys.stdout, sys.stderr
    if isinstance(out, OutputStream) and isinstance(err, OutputStream):
        yield out, err
        return
    open_standard_descriptors()
    safe = OutputStream(out, escapes_controls), OutputStream(err, escapes_controls)
    sys.stdout, sys.stderr = safe
    try:
        yield safe
    finally:
        for each in safe:
            each.finish()
        sys.stdout, sys.stderr = out, err


@contextlib.contextmanager
def plain_output() -> Iterator[None]:
    """Let a user's own code draw on the terminal, e.g. a progress bar, where the streams escape control characters."""
    out, err = sys.stdout, sys.stderr
    if isinstance(out, OutputStream):
        sys.stdout = out.drawing
    if isinstance(err, OutputStream):
        sys.stderr = err.drawing
    try:
        yield
    finally:
        sys.stdout, sys.stderr = out, err


def open_standard_descriptors() -> None:
    """Open the descriptors 0 to 2 on nothing where they are closed.

    Otherwise the next file, such as the journal of a study, would get the number of standard output, and what a library
    prints would be written into it.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
            if opened == descriptor:
                os.set_inheritable(opened, True)
            else:
                os.close(opened)
