"""Running a user's Python files, each under a module name of its own, with the helper modules of its folder.

Several files called ``space.py`` can so be loaded into one process, again and again. Their functions are pickled by
value, so that they can be sent to a process that cannot find the file.
"""

import ast
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle

from metaopt.errors import UserError


def run_file(path: Path) -> dict[str, Any]:
    """Runs a Python file.

    Its folder is put on ``sys.path``, so that it can import what lies beside it, also later in its functions.

    Args:
        path: absolute.

    Returns:
        The names that it defines.

    Raises:
        UserError: it raised an error; the innermost line of the user's own files is named.
    """
    helpers = helper_modules([path])
    _forget_namesakes(helpers)
    folder = str(path.parent)
    if folder in sys.path:
        sys.path.remove(folder)
    sys.path.insert(0, folder)  # where Python puts the folder of a script
    importlib.invalidate_caches()
    name = f"metaopt_problem_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None  # its name ends in .py
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        # Not by the loader, which may take a .pyc of the same second for the file that was edited since.
        exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), vars(module))
    except (Exception, SystemExit) as error:  # whatever it raises is the user's to mend
        where = _where(error, [path, *flat(helpers)])
        raise UserError(f"{where}: the file does not run, {type(error).__name__}: {error}") from error
    cloudpickle.register_pickle_by_value(module)
    for helper in helpers:
        if helper in sys.modules:
            _pickle_by_value(sys.modules[helper])
    return vars(module)


def _pickle_by_value(module: ModuleType) -> None:
    """Makes workers get a helper module as it is now; one that cannot be pickled they import themselves."""
    cloudpickle.register_pickle_by_value(module)
    try:
        cloudpickle.dumps(module)
    except Exception:  # noqa: BLE001 - it holds a lock, an open file, or whatever else raises an error of its own
        cloudpickle.unregister_pickle_by_value(module)


def helper_modules(files: Sequence[Path]) -> dict[str, list[Path]]:
    """The modules that files import from their own folders, directly or through each other.

    Returns:
        Name → its file, or all files of a package, sorted by name.
    """
    found: dict[str, list[Path]] = {}
    todo = list(files)
    while todo:
        path = todo.pop()
        for name in set(_imported(path)) - found.keys():
            module, package = path.parent / f"{name}.py", path.parent / name
            # metaopt itself lies beside the user's files in a checkout.
            if name == "metaopt" or name in sys.stdlib_module_names:
                continue
            if module.is_file():
                found[name] = [module]
                todo.append(module)
            elif (package / "__init__.py").is_file():
                found[name] = sorted(package.rglob("*.py"))
    return dict(sorted(found.items()))


def flat(modules: dict[str, list[Path]]) -> list[Path]:
    """All files of some modules."""
    return [file for files in modules.values() for file in files]


def _imported(path: Path) -> Iterator[str]:
    """Top-level names of the modules that a file imports; none if it cannot be parsed, which running it tells."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError, OSError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module is not None:
            yield node.module.split(".")[0]


def _forget_namesakes(helpers: dict[str, list[Path]]) -> None:
    """Unloads modules, so that importing them reads the files as they are, and none of another folder."""
    for name in helpers:
        for loaded in [one for one in sys.modules if one == name or one.startswith(f"{name}.")]:
            del sys.modules[loaded]


def _where(error: BaseException, files: Sequence[Path]) -> str:
    """File and line of the innermost place in some files where an error arose."""
    if isinstance(error, SyntaxError) and error.filename is not None:
        return f"{error.filename}, line {error.lineno}"
    own = {str(file) for file in files}
    places = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in own]
    return f"{places[-1].filename}, line {places[-1].lineno}" if places else str(files[0])
