"""Text of any Python object: ``repr`` and ``str`` that always return, whatever the object's own methods do.

What a user's training returns or raises may have a ``__repr__`` or ``__str__`` that raises, never ends, or returns
something other than text. Here such a method costs a bounded number of steps, and its object is named by its class.
"""

import re
import reprlib
import sys
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any

LONGEST_TEXT = 100_000  # characters; longer texts of an object are cut
_STEPS = 1_000_000  # instructions of Python that a method may execute: less than a second
_STEPS_OF_A_TRACEBACK = 10_000_000  # that of an endless recursion names thousands of frames
_STYLE = re.compile(r"\x1b\[[0-9;]*m")
_KERAS_CALL = re.compile(r"Exception encountered when calling .*\(\)\.?")
_LONGEST_CAUSE = 300  # characters
_MORE = "… ({} more characters)"


class _TooManySteps(BaseException):
    """Ends a method of an object; no ``except Exception`` in it may stop that."""


def safe_repr(value: object, limit: int = LONGEST_TEXT) -> str:
    """Return the ``repr`` of an object, or its class in angle brackets where its ``__repr__`` fails.

    Sets are sorted where their items can be, so that equal sets have equal texts in every process.

    Args:
        value: any object.
        limit: longest text, in characters.
    """
    return cut(_attempt(_REPR.repr, value) or f"<{class_name(value)}>", limit)


def safe_str(value: object, limit: int = LONGEST_TEXT) -> str:
    """Return the ``str`` of an object, or its class in angle brackets where its ``__str__`` fails."""
    text = _attempt(str, value)
    return f"<{class_name(value)}>" if text is None else cut(text, limit)


def first_line(error: BaseException) -> str:
    """Return the first line of an exception's text that tells a cause; "" where it has none.

    Keras puts the call before the cause: "Exception encountered when calling Dense.call().", and the cause in bold.
    """
    lines = [line for each in _STYLE.sub("", safe_str(error)).splitlines() if (line := each.strip())]
    causes = [line for line in lines if not _KERAS_CALL.fullmatch(line)]
    return next(iter(causes or lines), "")


def describe_cause(error: BaseException) -> str:
    """Return the cause of an exception for a message that goes on: one line, at most 300 characters, without a period.

    It is the name of the exception's class where its text is empty.
    """
    return (first_line(error) or class_name(error))[:_LONGEST_CAUSE].rstrip(".")


def safe_traceback(error: BaseException) -> str:
    """Return the traceback of an exception with its causes, whatever their texts do."""
    text = None
    if _attempt(str, error) is not None:
        text = call_bounded(lambda: "".join(traceback.format_exception(error)), _STEPS_OF_A_TRACEBACK)
    if text is None:
        text = "".join(traceback.format_tb(error.__traceback__)) + class_name(error)
    return cut(text, LONGEST_TEXT)


def class_name(value: object) -> str:
    """Return the name of an object's class."""
    return name_of(type(value))


def name_of(kind: type) -> str:
    """Return the name of a class; its metaclass may have another ``__name__``."""
    return str.__str__(type.__dict__["__name__"].__get__(kind))


def cut(text: str, limit: int) -> str:
    """Return a text of at most about ``limit`` characters, which says how many were left out."""
    return text if len(text) <= limit else text[:limit] + _MORE.format(len(text) - limit)


def call_bounded(function: Callable[[], Any], most_steps: int = _STEPS) -> Any:
    """Call a function that runs a user's method, and return its result; None where it fails or does not end.

    Endless Python code is ended after a number of instructions. An endless loop within a compiled function is not.

    Args:
        function: the function.
        most_steps: instructions of Python that it may execute.

    Raises:
        KeyboardInterrupt: The user pressed Ctrl-C.
    """
    steps = 0

    def count(frame: FrameType, event: str, argument: Any) -> Any:  # noqa: ARG001 - the signature of sys.settrace
        nonlocal steps
        frame.f_trace_opcodes = True  # `while True: pass` on one line has no further event of a line
        steps += 1
        if steps > most_steps:
            raise _TooManySteps
        return count

    tracer = sys.gettrace()
    sys.settrace(count)
    try:
        return function()
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - SystemExit of a `__repr__` must not end the process either
        return None
    finally:
        sys.settrace(tracer)


def _attempt(function: Callable[[Any], str], value: object) -> str | None:
    text = call_bounded(lambda: function(value))
    return str.__str__(text) if issubclass(type(text), str) else None


class _Repr(reprlib.Repr):
    """``repr`` with bounds that only huge objects reach: nested containers, and the number of their items."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 20
        self.maxtuple = self.maxlist = self.maxarray = self.maxdict = self.maxset = self.maxfrozenset = 10_000
        self.maxdeque = 10_000
        self.maxstring = self.maxother = self.maxlong = LONGEST_TEXT

    def repr1(self, x: object, level: int) -> str:
        """Return the bounded ``repr`` of a built-in type, or the own one of another type of the same name."""
        return super().repr1(x, level) if type(x).__module__ == "builtins" else repr(x)

    def repr_instance(self, x: object, level: int) -> str:  # noqa: ARG002 - the signature of reprlib
        """Return the object's own ``repr``; the inherited method hides its errors behind an address."""
        return repr(x)


_REPR = _Repr()
