"""Execution of a user's Python files, each under its own module name, with the helper modules of its folder.

One process can therefore load several files called ``space.py``, repeatedly. Their functions are pickled by value, so
they can be sent to a process that cannot find the file.
"""

import ast
import importlib
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle

# Names of the files that were run, as their code objects have them.
_own_files: set[str] = set()


def run_file(path: Path) -> dict[str, Any]:
    """Run a Python file.

    Its folder is added to ``sys.path``, so that the file and its functions can import the modules in this folder.

    Args:
        path: absolute path of the file.

    Returns:
        The names that the file defines.

    Raises:
        Mistake: the file raised an error. The message has the lines of the user's own files.
    """
    helpers = find_helper_modules([path])
    _unload_modules(helpers)
    folder = str(path.parent)
    if folder in sys.path:
        sys.path.remove(folder)
    sys.path.insert(0, folder)  # the position of the folder of a script
    importlib.invalidate_caches()
    name = f"metaopt_problem_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None  # the name of the file ends in .py
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    _own_files.update([str(path), *map(str, list_files(helpers))])
    try:
        # The import loader might use a .pyc file of the same second although the file was edited since.
        exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), vars(module))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # any error is in the user's file
        from metaopt.problems.mistakes import Mistake, find_mistake  # it needs to know the files that were run

        mistake = find_mistake(error)
        raise mistake or Mistake(f"{path}: The file cannot be run ({type(error).__name__}: {error}).") from error
    cloudpickle.register_pickle_by_value(module)
    for helper in helpers:
        if helper in sys.modules:
            _pickle_by_value(sys.modules[helper])
    return vars(module)


def is_users_file(filename: str) -> bool:
    """Return whether ``run_file`` ran a file in this process, or another file imported it as a helper module."""
    return filename in _own_files


def _pickle_by_value(module: ModuleType) -> None:
    """Send the current state of a helper module to workers. Workers import a module that cannot be pickled."""
    cloudpickle.register_pickle_by_value(module)
    try:
        cloudpickle.dumps(module)
    except Exception:  # noqa: BLE001 - a lock, an open file or another object raises its own exception
        cloudpickle.unregister_pickle_by_value(module)


def find_helper_modules(files: Sequence[Path]) -> dict[str, list[Path]]:
    """Find the modules that files import from their own folders, directly or indirectly.

    Returns:
        Module name → its file, or all files of a package; sorted by name.
    """
    found: dict[str, list[Path]] = {}
    pending = list(files)
    while pending:
        path = pending.pop()
        for name in set(_find_imports(path)) - found.keys():
            module, package = path.parent / f"{name}.py", path.parent / name
            # In a checkout, metaopt itself is in the folder of the user's files.
            if name == "metaopt" or name in sys.stdlib_module_names:
                continue
            if module.is_file():
                found[name] = [module]
                pending.append(module)
            elif (package / "__init__.py").is_file():
                found[name] = sorted(package.rglob("*.py"))
    return dict(sorted(found.items()))


def list_files(modules: dict[str, list[Path]]) -> list[Path]:
    """Return all files of modules."""
    return [file for files in modules.values() for file in files]


def _find_imports(path: Path) -> Iterator[str]:
    """Yield the top-level names of imported modules. A file that cannot be parsed has none; running it will fail."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError, OSError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module is not None:
            yield node.module.split(".")[0]


def _unload_modules(modules: dict[str, list[Path]]) -> None:
    """Unload modules, so that the next import reads the current files of the right folder."""
    for name in modules:
        for loaded in [one for one in sys.modules if one == name or one.startswith(f"{name}.")]:
            del sys.modules[loaded]
