"""Mistakes in a user's own code, told by the user's lines instead of a traceback through metaopt."""

import builtins
import contextlib
import functools
import importlib.metadata
import inspect
import linecache
import os
import re
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import metaopt
from metaopt.errors import UserError, nearest
from metaopt.problems.user_files import is_users_file
from metaopt.values.safe_text import class_name, first_line, safe_repr, safe_str

# Errors of code rather than of a point: another point hardly helps.
CODE_ERRORS = (NameError, LookupError, ImportError, AttributeError, TypeError, SyntaxError)

_LONGEST = 300  # characters of an exception's message
_MOST_FRAMES = 5  # of a recursion, say
_PACKAGE = str(Path(metaopt.__path__[0]).resolve()) + os.sep
_POINT = str(Path(__file__).resolve().with_name("reads.py"))  # a point, which raises what a dict would raise
_LIBRARIES = tuple(
    str(Path(path).resolve()) + os.sep
    for name, path in sysconfig.get_paths().items()
    if name in ("stdlib", "platstdlib", "purelib", "platlib")
)
_TYPED = ("<stdin>", "<ipython", "<console>")  # files of code that was typed
# A frame with the line that it was at.
_Line = tuple[FrameType, int]


class Mistake(UserError):
    """An error in a user's own code; the original exception is its cause."""


def find_mistake(error: BaseException, functions: Iterable[Callable[..., Any] | None] = ()) -> Mistake | None:
    """Return an exception that a user's code caused, with the user's lines; None for any other exception.

    Args:
        error: the exception, with its traceback.
        functions: functions of the user, beside those of the files that ``run_file`` ran.
    """
    lines = _find_users_lines(error, _get_codes(functions))
    if not lines and not (isinstance(error, SyntaxError) and is_users_file(str(error.filename))):
        return None
    text = f"{locate(error, functions)}: {class_name(error)}{_describe(error, lines)}"
    shown = lines[-_MOST_FRAMES:]
    if len(shown) < len(lines):
        text += f"\n  … {len(lines) - len(shown)} lines before"
    for frame, line in shown:
        source = linecache.getline(frame.f_code.co_filename, line, frame.f_globals).strip()
        text += f"\n  {_place(frame.f_code.co_filename, line)}, in {frame.f_code.co_name}"
        text += f"\n    {source}" if source else ""
    if isinstance(error, SyntaxError) and error.text:
        text += f"\n    {error.text.strip()}"
    return Mistake(text)


@contextlib.contextmanager
def mistakes_explained(*functions: Callable[..., Any] | None) -> Iterator[None]:
    """Raise exceptions that pass through functions of a user as a ``Mistake``, with the original one as its cause."""
    try:
        yield
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        mistake = find_mistake(error, functions)
        if mistake is None:
            raise
        raise mistake from error


def locate(error: BaseException, functions: Iterable[Callable[..., Any] | None] = ()) -> str | None:
    """Return file and line of the user's code that caused an exception; None for any other exception."""
    if isinstance(error, SyntaxError) and error.filename is not None and is_users_file(str(error.filename)):
        return _place(str(error.filename), error.lineno or 1)
    lines = _find_users_lines(error, _get_codes(functions))
    return _place(lines[-1][0].f_code.co_filename, lines[-1][1]) if lines else None


def passes_through(error: BaseException, names: Iterable[str]) -> bool:
    """Return whether an exception passed through a function of a user's file that has one of these names."""
    return any(frame.f_code.co_name in names for frame, _ in _find_users_lines(error, set()))


def _find_users_lines(error: BaseException, codes: set[CodeType]) -> list[_Line]:
    """Return the lines of the user's code, outermost first; none where metaopt itself caused the exception."""
    frames = list(traceback.walk_tb(error.__traceback__))

    def is_entry(frame: FrameType) -> bool:
        return frame.f_code in codes or is_users_file(frame.f_code.co_filename)

    start = next((number for number, (frame, _) in enumerate(frames) if is_entry(frame)), None)
    if start is None:
        return []
    users = [i for i in range(start, len(frames)) if not _is_library(frames[i][0].f_code.co_filename)]
    after = [frame.f_code.co_filename for frame, _ in frames[users[-1] + 1 :]] if users else []
    # What a layer or a function of metaopt refuses is the user's; any other exception that it raises is a bug of it.
    if any(_is_ours(name) for name in after) and not isinstance(error, TypeError | ValueError):
        return []
    return [frames[i] for i in users]


def _get_codes(functions: Iterable[Callable[..., Any] | None]) -> set[CodeType]:
    codes = set()
    for function in functions:
        while isinstance(function, functools.partial):
            function = function.func
        bare: Any = inspect.unwrap(function) if callable(function) else None
        if not hasattr(bare, "__code__"):  # an object that can be called
            bare = vars(type(bare)).get("__call__")
        code = getattr(bare, "__code__", None)
        if code is not None:
            codes.add(code)
    return codes


@functools.lru_cache(maxsize=1024)
def _is_library(filename: str) -> bool:
    if filename.startswith("<") and not filename.startswith(_TYPED):  # generated code, e.g. of a dataclass
        return True
    return _is_ours(filename) or _resolve(filename).startswith((*_LIBRARIES, _POINT))


@functools.lru_cache(maxsize=1024)
def _is_ours(filename: str) -> bool:
    path = _resolve(filename)
    return path.startswith(_PACKAGE) and path != _POINT and not is_users_file(filename)


def _resolve(filename: str) -> str:
    return filename if filename.startswith("<") else str(Path(filename).resolve())


def _place(filename: str, line: int) -> str:
    path = Path(filename)
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return f"{shown}, line {line}"


def _describe(error: BaseException, lines: list[_Line]) -> str:
    """Return the message of an exception with a hint, after a colon; "" where there is none."""
    frame = lines[-1][0] if lines else None
    if isinstance(error, KeyError) and error.args and frame is not None:
        return f": no key {safe_repr(error.args[0])}{_hint_key(error.args[0], *lines[-1])}"
    # The text of a SyntaxError repeats the file and the line.
    text = error.msg if isinstance(error, SyntaxError) and isinstance(error.msg, str) else first_line(error)
    message = text[:_LONGEST]
    return f": {message}{_hint_name(error, frame)}" if message else ""


def _hint_key(key: object, frame: FrameType, line: int) -> str:
    """Return the most similar key of the dicts that a line uses."""
    words = set(re.findall(r"\w+", linecache.getline(frame.f_code.co_filename, line, frame.f_globals)))
    known = [
        list(map(str, value))
        for name, value in frame.f_locals.items()
        if isinstance(value, Mapping) and key not in value and value and (name in words or not words)
    ]
    near = nearest(str(key), [name for names in known for name in names])
    if near is not None:
        return f"; did you mean {near!r}?"
    return f"; the keys are {', '.join(map(repr, known[0][:20]))}" if len(known) == 1 else ""


def _hint_name(error: BaseException, frame: FrameType | None) -> str:
    """Return the most similar name for one that does not exist."""
    known: Iterable[str] = ()
    name = getattr(error, "name", None)
    if isinstance(error, ModuleNotFoundError) and name:
        name = name.split(".")[0]
        known = {*sys.stdlib_module_names, *importlib.metadata.packages_distributions()}
        if nearest(name, known) is None:
            return f": is it installed in {sys.executable}?"
    elif isinstance(error, ImportError) and name:
        missing = re.search(r"cannot import name '(\w+)'", safe_str(error))
        known = dir(sys.modules.get(name))
        name = missing[1] if missing else None
    elif isinstance(error, NameError) and frame is not None:
        known = {*frame.f_locals, *frame.f_globals, *dir(builtins)}
    elif isinstance(error, AttributeError):
        known = dir(error.obj)
    near = nearest(name, known) if isinstance(name, str) else None
    return "" if near is None or "id you mean" in safe_str(error) else f"; did you mean {near!r}?"
