"""Commands that messages recommend, built so that they run when they are pasted as they stand.

A command starts metaopt as the running program was started: by the installed script, by ``python -m metaopt`` where
Python finds this package in the user's folder, and by the path of the package elsewhere. A folder that is a command's
default is left out.
"""

import os
import shutil
import site
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import metaopt
from metaopt.errors import UserError
from metaopt.terminal.printable import shell_word

DEFAULT_RESULTS = "results"

_PACKAGE = Path(metaopt.__path__[0]).resolve()
_start: Path | None = None


def remember_start() -> None:
    """Note the current folder as the one in which the user types commands.

    Each command calls this first: the user's own code may change the folder later.
    """
    global _start  # noqa: PLW0603 - a property of the process, like its arguments
    try:
        _start = Path.cwd()
    except FileNotFoundError:
        raise UserError("The current folder was deleted. Change to an existing folder, and run the command.") from None
    anchor_import_paths()


def anchor_import_paths() -> None:
    """Make the folders of ``sys.path`` and ``PYTHONPATH`` absolute, which the user's own code may follow by others."""
    sys.path[:] = [os.path.abspath(entry) if _is_folder(entry) else entry for entry in sys.path]
    if given := os.environ.get("PYTHONPATH"):
        entries = (os.path.abspath(entry) if entry else entry for entry in given.split(os.pathsep))
        os.environ["PYTHONPATH"] = os.pathsep.join(entries)


def absolute(path: str | os.PathLike[str]) -> Path:
    """Return a path of the user as an absolute one, links and ``..`` kept, so that it survives ``os.chdir``.

    Raises:
        UserError: It has a null character, or is relative and the current folder was deleted.
    """
    if "\0" in os.fsdecode(path):
        raise UserError(f"Invalid path: {os.fsdecode(path)!r}. Expected one without null characters.")
    try:
        return Path(path).absolute()
    except FileNotFoundError:
        raise UserError(f"The current folder was deleted, so {path} cannot be found: give an absolute path.") from None


def command(name: str, *arguments: str | os.PathLike[str], results: Path | str | None = None) -> str:
    """Return a command of metaopt as one line for a shell.

    Args:
        name: name of the command, e.g. ``"retrain"``.
        arguments: further arguments; paths are those of this process.
        results: folder of the study, given as ``--results`` where it is not the default; None for commands without.
    """
    words = [*_program(), name, *_words(arguments)]
    if results is not None and _normal(results) != _folder() / DEFAULT_RESULTS:
        words += ["--results", shown(results)]
    return _join(words)


def script(path: str | os.PathLike[str], *arguments: str) -> str:
    """Return the command that runs a Python script, as one line for a shell."""
    return _join([_interpreter(), shown(path), *arguments])


def module(name: str, *arguments: str | os.PathLike[str]) -> str:
    """Return the command that runs an installed module, as one line for a shell."""
    return _join([_interpreter(), "-m", name, *_words(arguments)])


def again(*arguments: str) -> str | None:
    """Return the command that this process runs, with other or further flags; None if it runs something else.

    Args:
        arguments: flags and their values, in turn; they replace those that were given.
    """
    started = _started()
    if started.name not in ("hyperopt_optimize.py", "metaopt") and started.resolve() != _PACKAGE / "__main__.py":
        return None
    return _join([_interpreter(), *_without_flags(sys.orig_argv[1:], arguments[::2]), *arguments])


def _without_flags(words: Sequence[str], flags: Sequence[str]) -> list[str]:
    """Return the words of a command without some flags and their values, ``--flag value`` or ``--flag=value``."""
    kept: list[str] = []
    is_value = False
    for word in words:
        is_flag = word in flags
        if not is_value and not is_flag and word.split("=", 1)[0] not in flags:
            kept.append(word)
        is_value = is_flag
    return kept


def help_of(prog: str) -> str:
    """Return the command that shows the help of a program.

    Args:
        prog: name of the program in its help: ``"metaopt best"``, or the name of a script.
    """
    return f"{start_of(prog)} --help"


def start_of(prog: str) -> str:
    """Return the words that start a program, for a shell.

    Args:
        prog: name of the program in its help: ``"metaopt"``, ``"metaopt best"``, or the name of a script.
    """
    first, *rest = prog.split()
    if first == "metaopt":
        return _join([*_program(), *rest])
    started = _started()
    return script(started) if started.name == first and started.is_file() else prog


def start_in(folder: Path) -> str:
    """Return the words that start metaopt in another folder, for a shell."""
    words = _program(folder)
    return _join([os.path.abspath(words[0]) if os.path.dirname(words[0]) else words[0], *words[1:]])


def _started() -> Path:
    """Return the path of the program that runs; the user's code may have emptied ``sys.argv``."""
    return Path((sys.argv or [""])[0])


def _join(words: Iterable[str]) -> str:
    return " ".join(map(shell_word, words))


def _words(arguments: Iterable[str | os.PathLike[str]]) -> list[str]:
    return [shown(one) if isinstance(one, os.PathLike) else one for one in arguments]


def _program(folder: Path | None = None) -> list[str]:
    """Return the words that start metaopt in a folder, the user's by default."""
    started = _started()
    if started.name == "metaopt" and started.is_file() and os.access(started, os.X_OK):  # the installed script
        found = shutil.which("metaopt")
        return ["metaopt" if found is not None and os.path.samefile(found, started) else shown(started)]
    if _finds_package(folder or _folder()):
        return [_interpreter(), "-m", "metaopt"]
    return [_interpreter(), shown(_PACKAGE) if folder is None else str(_PACKAGE)]


def _finds_package(folder: Path) -> bool:
    """Return whether ``python -m metaopt`` finds this package in a folder, and no other one before it."""
    folders = [] if sys.flags.safe_path else [str(folder)]
    if not sys.flags.ignore_environment:
        folders += os.environ.get("PYTHONPATH", "").split(os.pathsep)
    folders += [*([site.getusersitepackages()] if site.ENABLE_USER_SITE else []), *site.getsitepackages()]
    packages = (Path(folder, "metaopt") for folder in folders if folder)
    first = next((package for package in packages if (package / "__main__.py").is_file()), None)
    return first is not None and first.samefile(_PACKAGE)


def _interpreter() -> str:
    """Return the interpreter as the user typed it, where that still means the running one; else its path."""
    typed = sys.orig_argv[0] if sys.orig_argv else ""
    found = shutil.which(typed) if typed else None
    # The link of a virtual environment and its target are one file, but not one environment.
    return typed if found is not None and os.path.abspath(found) == os.path.abspath(sys.executable) else sys.executable


def _folder() -> Path:
    try:
        return Path.cwd() if _start is None else _start
    except FileNotFoundError:  # it was deleted
        return Path(Path(__file__).anchor)


def _normal(path: str | os.PathLike[str]) -> Path:
    try:
        return Path(os.path.abspath(path))
    except FileNotFoundError:  # the current folder was deleted
        return Path(os.path.normpath(_folder() / path))


def _is_folder(entry: Any) -> bool:
    return isinstance(entry, str) and (not entry or os.path.isdir(entry))


def shown(path: str | os.PathLike[str]) -> str:
    """Return a path relative to the user's folder where it is inside, else absolute."""
    normal = _normal(path)
    if not normal.is_relative_to(_folder()):
        return str(normal)
    inside = str(normal.relative_to(_folder()))
    return f"./{inside}" if inside.startswith("-") else inside  # a name that a parser would take for a flag
