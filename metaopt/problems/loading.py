"""Problems by name: the user's ``space.py`` and ``neural_net.py``, a ready problem, or any problem file."""

import importlib
import pkgutil
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import metaopt
from metaopt.errors import UserError
from metaopt.problems.problem import Problem
from metaopt.problems.source_digest import network_code
from metaopt.problems.user_files import flat, helper_modules, run_file

CNN = "cnn"
SPACE, NETWORK = "space.py", "neural_net.py"

_FUNCTIONS = ("network", "training", "build_model", "build_and_train")
_PACKAGE = Path(metaopt.__path__[0])


def ready_problems() -> list[str]:
    """Names that ``load_problem`` knows: ``cnn`` and the files of ``metaopt/zoo``."""
    names = (module.name for module in pkgutil.iter_modules([str(_PACKAGE / "zoo")]))
    return [CNN, *sorted(name for name in names if name != "loading" and not name.startswith("_"))]


def load_problem(name: str, beside: Path | None = None) -> Problem:
    """Loads a problem.

    Args:
        name: ``cnn`` for space.py and neural_net.py, another of ``ready_problems()``, the path of a problem file, or of
            a folder with space.py and neural_net.py. ``Problem.path`` is one of these paths.
        beside: where the user's files are looked for first; then in the current folder.

    Raises:
        UserError: there is no such problem; its file does not run, or lacks ``space`` or both ``network`` and
            ``build_model``.
    """
    if name == CNN:
        return _load_folder(_reference_folder(beside), name)
    if name in ready_problems():
        module = importlib.import_module(f"metaopt.zoo.{name}")
        path = Path(str(module.__file__))
        return _problem(vars(module), path, name, path=path, texts={path.name: path.read_text(encoding="utf-8")})
    path = _find(name, beside)
    if path.is_dir():
        return _load_folder(path, name)
    return _problem(run_file(path), path, name, path=path, texts=texts_of(path))


def is_problem(path: Path) -> bool:
    """Whether a path is a problem file, or a folder with space.py and neural_net.py."""
    return (path.suffix == ".py" and path.is_file()) or _holds_pair(path)


def texts_of(path: Path) -> dict[str, str]:
    """All files that decide what a problem is, by their paths within its folder.

    Args:
        path: of a problem file, or of a folder with space.py and neural_net.py; absolute.

    Raises:
        OSError: one cannot be read.
    """
    folder = path if path.is_dir() else path.parent
    return {str(file.relative_to(folder)): file.read_text(encoding="utf-8") for file in _files_of(path)}


def _files_of(path: Path) -> list[Path]:
    """The problem's own files, then the helper modules that they import from their folder."""
    own = [path / SPACE, path / NETWORK] if path.is_dir() else [path]
    return [*own, *(file for file in flat(helper_modules(own)) if file not in own)]


def _reference_folder(beside: Path | None) -> Path:
    """The first folder with the two files: the user's, else those that come with metaopt."""
    # A wheel carries them in zoo/reference, a checkout at its top.
    for folder in (beside, Path.cwd(), _PACKAGE / "zoo" / "reference", _PACKAGE.parent):
        if folder is not None and _holds_pair(folder):
            return folder
    raise UserError(f"there is no {SPACE} with a {NETWORK} in {beside or Path.cwd()}; start the search in their folder")


def _holds_pair(folder: Path) -> bool:
    return (folder / SPACE).is_file() and (folder / NETWORK).is_file()


def _find(name: str, beside: Path | None) -> Path:
    """The problem file or folder that a path means, absolute.

    Raises:
        UserError: there is none.
    """
    for path in (Path(name), *([beside / name] if beside is not None else [])):
        if is_problem(path):
            return path.resolve()
    if name.endswith(".py"):
        raise UserError(f"the problem file {name} does not exist; give the path of a Python file")
    known = ready_problems()
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"take {', '.join(known)}, or a problem file such as my_problem.py"
    raise UserError(f"there is no problem {name!r}: {hint}")


def _load_folder(folder: Path, name: str) -> Problem:
    """The problem of a folder with space.py and neural_net.py."""
    folder = folder.resolve()
    pair = [folder / SPACE, folder / NETWORK]
    space, network = (run_file(file) for file in pair)
    _require_space(space, pair[0])
    names = network | {key: space[key] for key in ("space", "defaults") if key in space}
    return _problem(names, pair[1], name, path=folder, texts=texts_of(folder))


def _problem(names: dict[str, Any], file: Path, name: str, *, path: Path, texts: dict[str, str]) -> Problem:
    """A problem out of the names that a file defines.

    Args:
        names: what the file defines.
        file: it.
        name: how the user called the problem.
        path: where it can be loaded from again.
        texts: see ``texts_of``.
    """
    _require_space(names, file)
    defaults = names.get("defaults", {})
    if not isinstance(defaults, dict):
        raise UserError(f"{file}: `defaults` is {defaults!r}; make it a dict, key of the space → value")
    functions = {key: names[key] for key in _FUNCTIONS if callable(names.get(key))}
    if not functions.keys() & {"network", "build_model"}:
        raise UserError(f"{file} lacks `network` (or `build_model`); define network(point, input_shape, classes) in it")
    return Problem(
        space=names["space"],
        **functions,
        defaults=defaults,
        path=str(path),
        texts=texts,
        source=_joined(texts),
        # Also of space.py, whose constants and operations may decide the network; the space itself is left out, as it
        # has a canonical text of its own, which says more exactly what has changed.
        code=network_code(_joined(texts)),
        name=name,
    )


def _joined(texts: dict[str, str]) -> str:
    """The text of some files, each below its name."""
    return "\n".join(f"# ----- {name} -----\n{text}" for name, text in texts.items())


def _require_space(names: dict[str, Any], file: Path) -> None:
    if "space" not in names:
        raise UserError(f"{file} lacks `space`; assign the search space to that name")
