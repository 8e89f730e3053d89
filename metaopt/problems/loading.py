"""Loading of problems: ``space.py`` with ``neural_net.py``, ready-made problems, and problem files."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import metaopt
from metaopt.errors import UserError, nearest
from metaopt.problems.problem import Problem
from metaopt.problems.source_digest import network_code
from metaopt.problems.user_files import find_helper_modules, list_files, run_file
from metaopt.terminal.commands import shown

CNN = "cnn"
SPACE, NETWORK = "space.py", "neural_net.py"

_FUNCTIONS = ("network", "training", "build_model", "backbone_space", "backbone_default", "build_and_train")
_PACKAGE = Path(metaopt.__path__[0])


def list_ready_problems() -> list[str]:
    """Return the names of the ready-made problems: ``cnn`` and the problems that ``metaopt.zoo`` lists.

    Other modules of that package are parts of spaces.
    """
    return [CNN, *sorted(importlib.import_module("metaopt.zoo").__all__)]


def load_problem(name: str, beside: Path | None = None) -> Problem:
    """Load a problem.

    Args:
        name: ``cnn`` for space.py and neural_net.py, another name in ``list_ready_problems()``, or the path of a
            problem file or of a folder with space.py and neural_net.py. ``Problem.path`` is also such a path.
        beside: the folder in which the user's files are searched first, before the current folder.

    Raises:
        UserError: the problem does not exist, its file raises an error, or the file lacks ``space`` or both
            ``network`` and ``build_model``.
    """
    if name == CNN:
        return _load_folder(_find_reference_folder(beside), name)
    if name in list_ready_problems():
        module = importlib.import_module(f"metaopt.zoo.{name}")
        path = Path(str(module.__file__))
        return _make_problem(vars(module), path, name, path=path, texts={path.name: path.read_text(encoding="utf-8")})
    path = _find_path(name, beside)
    if path.is_dir():
        return _load_folder(path, name)
    return _make_problem(run_file(path), path, name, path=path, texts=read_texts(path))


def load_reference() -> Problem:
    """Load the reference problem of this version, whatever files of its name the user has."""
    reference = _PACKAGE / "zoo" / "reference"  # of a wheel; a checkout has the files in its root
    return _load_folder(reference if _has_space_and_network(reference) else _PACKAGE.parent, CNN)


def load_earlier_references() -> Iterator[Problem]:
    """Yield the reference problems of earlier versions, which studies were begun with, latest first."""
    yield _load_folder(_PACKAGE / "zoo" / "earlier_reference", CNN)


def shown_files(problem: Problem) -> str:
    """Return the file of a problem, its two files where it is a folder, or the name of a ready problem."""
    if problem.path is None or problem.name in list_ready_problems()[1:]:
        return problem.name
    path = Path(problem.path)
    return f"{shown(path / SPACE)} with {NETWORK}" if path.is_dir() else shown(path)


def is_problem(path: Path) -> bool:
    """Return whether a path is a problem file, or a folder with space.py and neural_net.py."""
    return (path.suffix == ".py" and path.is_file()) or _has_space_and_network(path)


def read_texts(path: Path) -> dict[str, str]:
    """Read all files of a problem: its own files and the helper modules that they import.

    Args:
        path: absolute path of a problem file, or of a folder with space.py and neural_net.py.

    Returns:
        Path within the folder → text.

    Raises:
        OSError: a file cannot be read.
    """
    folder = path if path.is_dir() else path.parent
    own = [path / SPACE, path / NETWORK] if path.is_dir() else [path]
    files = [*own, *(file for file in list_files(find_helper_modules(own)) if file not in own)]
    return {str(file.relative_to(folder)): file.read_text(encoding="utf-8") for file in files}


def read_source(path: Path) -> str:
    """Read the source of a problem, as its study keeps it, without running it; see ``read_texts``.

    Raises:
        OSError: a file cannot be read.
        ValueError: a file is not UTF-8.
    """
    return _join_texts(read_texts(path))


def _find_reference_folder(beside: Path | None) -> Path:
    """Return the first folder with space.py and neural_net.py: one of the user, or the one of metaopt.

    Raises:
        UserError: there is none.
    """
    # A wheel has the files in zoo/reference, a checkout in its root.
    for folder in (beside, Path.cwd(), _PACKAGE / "zoo" / "reference", _PACKAGE.parent):
        if folder is not None and _has_space_and_network(folder):
            return folder
    raise UserError(
        f"{beside or Path.cwd()} has no {SPACE} and {NETWORK}. Start the search in the folder of these files."
    )


def _has_space_and_network(folder: Path) -> bool:
    return (folder / SPACE).is_file() and (folder / NETWORK).is_file()


def _find_path(name: str, beside: Path | None) -> Path:
    """Return the absolute path of a problem file or folder.

    Raises:
        UserError: there is none.
    """
    for path in (Path(name), *([beside / name] if beside is not None else [])):
        if is_problem(path):
            return path.resolve()
    if name.endswith(".py"):
        raise UserError(f"The problem file {name} does not exist.")
    known = list_ready_problems()
    near = nearest(name, known)
    expected = f"Expected {', '.join(known)}, or a file such as my_problem.py."
    raise UserError(f"Unknown problem: {name}. {expected if near is None else f'Did you mean {near}?'}")


def _load_folder(folder: Path, name: str) -> Problem:
    """Load the problem of a folder with space.py and neural_net.py."""
    folder = folder.resolve()
    pair = [folder / SPACE, folder / NETWORK]
    space, network = (run_file(file) for file in pair)
    _require_space(space, pair[0])
    names = network | {key: space[key] for key in ("space", "defaults", "default") if key in space}
    return _make_problem(names, pair[1], name, path=folder, texts=read_texts(folder))


def _make_problem(names: dict[str, Any], file: Path, name: str, *, path: Path, texts: dict[str, str]) -> Problem:
    """Return the problem that a file defines.

    Args:
        names: the names that the file defines.
        file: the file, for error messages.
        name: the name by which the user called the problem.
        path: the path from which a worker can load it again.
        texts: see ``read_texts``.

    Raises:
        UserError: the file lacks a name, or ``defaults`` is not a dict.
    """
    _require_space(names, file)
    defaults = names.get("defaults", {})
    if not isinstance(defaults, dict):
        raise UserError(
            f"{file}: Invalid value for `defaults`: {defaults!r}. Expected a dict, key of the space → value."
        )
    functions = {key: names[key] for key in _FUNCTIONS if callable(names.get(key))}
    if not functions.keys() & {"network", "build_model"}:
        raise UserError(
            f"{shown(file)} lacks `network` and `build_model`. Define network(point, input_shape, classes)."
            f"{_hint_name(names, 'network', 'build_model')}"
        )
    return Problem(
        space=names["space"],
        **functions,
        defaults=defaults,
        default=names.get("default"),
        path=str(path),
        texts=texts,
        source=_join_texts(texts),
        # This includes space.py, whose constants and functions may affect the network. The space itself is left out,
        # because a study compares its digest.
        code=network_code(_join_texts(texts)),
        name=name,
    )


def _join_texts(texts: dict[str, str]) -> str:
    """Return the texts of several files as one text, each below its name."""
    return "\n".join(f"# ----- {name} -----\n{text}" for name, text in texts.items())


def _require_space(names: dict[str, Any], file: Path) -> None:
    if "space" not in names:
        raise UserError(
            f"{shown(file)} lacks `space`. Assign the search space to this name.{_hint_name(names, 'space')}"
        )


def _hint_name(names: dict[str, Any], *wanted: str) -> str:
    """Return a sentence with the name of the file that is most similar to one that it lacks; "" without one."""
    own = [name for name in names if not name.startswith("_")]
    near = next((found for name in wanted if (found := nearest(name, own)) is not None), None)
    return "" if near is None else f" Is `{near}` meant?"
