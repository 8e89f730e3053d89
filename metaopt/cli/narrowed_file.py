"""Text of a problem file with a narrowed space, which imports the networks from the problem's own file."""

import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import metaopt
from metaopt.errors import UserError
from metaopt.problems.loading import NETWORK, SPACE
from metaopt.problems.problem import Problem
from metaopt.problems.training_config import Training
from metaopt.quantities import plural
from metaopt.report.analysis.narrowing import Narrowing, estimate_share
from metaopt.spaces import compile_space
from metaopt.spaces.source_text import write_literal, write_space
from metaopt.spaces.text_layout import WIDTH, comment_lines
from metaopt.storage.study import Study
from metaopt.terminal.commands import shown

_PACKAGE = Path(metaopt.__path__[0])
_FUNCTIONS = ("network", "training", "build_model", "build_and_train")


def write_problem(problem: Problem, narrowing: Narrowing, study: Study, folder: Path) -> str:
    """Return the text of a problem file with the narrowed space of a problem.

    Args:
        problem: the problem of the study.
        narrowing: its narrowed space.
        study: the study.
        folder: absolute path of the folder that the file is written to.

    Raises:
        UserError: the file could not import the problem's functions from there, or an option cannot be written.
    """
    network_module, space_module = _find_modules(problem, folder)
    loaded = _loaded_module(space_module)
    source = write_space(narrowing.space, narrowing.evidence, _make_namer(loaded))
    functions = [name for name in _FUNCTIONS if _is_own(problem, name)]
    imports = {network_module: functions, **({} if space_module == network_module else {space_module: []})}
    imports[space_module] = [*imports[space_module], *source.names]
    own_imports = [
        f"from {module} import {', '.join(sorted(set(names)))}" for module, names in imports.items() if names
    ]
    if source.operations and not imports[space_module]:
        own_imports.append(f"import {space_module}  # noqa: F401 - it defines {', '.join(source.operations)}")
    blocks = [_docstring(problem, narrowing, study)]
    standard = [line for line in source.imports if line.startswith("from math")]
    others = [line for line in source.imports if line not in standard]
    blocks += ["\n".join(lines) for lines in (standard, others, own_imports) if lines]
    if functions:
        blocks.append(f"__all__ = {_list_of([*functions, 'space'])}")
    blocks.append("\n".join(source.statements))
    if problem.defaults:
        blocks.append(f"defaults = {write_literal(dict(problem.defaults), _make_namer(loaded))}")
    return "\n\n".join(blocks) + "\n"


def _docstring(problem: Problem, narrowing: Narrowing, study: Study) -> str:
    inside = f"{narrowing.n_inside} of {plural(narrowing.n_trials, 'trial')} lie in it"
    compared = "" if narrowing.epochs is None else f", compared after {plural(narrowing.epochs, 'epoch')}"
    share = estimate_share(compile_space(problem.space), narrowing)
    lines = [
        f"Space of {Path(problem.name).name}, narrowed by the trials of the study {study.folder.resolve().name}.",
        "",
        f"It keeps {100 * share:.3g} % of the earlier space; {inside}{compared}. The objective is"
        f" {study.objective.name}. Comments give the evidence for each change; p-values are corrected for the number of"
        " hyperparameters. A marginal effect ignores interactions: widen what you know better.",
    ]
    text = "\n".join(line[2:] if line else "" for each in lines for line in (comment_lines(each) or [""]))
    if narrowing.unchanged:
        unchanged = [f"    {label}: {why}" for label, why in narrowing.unchanged.items()]
        text += "\n\nUnchanged:\n\n" + "\n".join(
            line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…" for line in unchanged
        )
    text = text.replace("\\", "\\\\").replace('"""', "'''")
    return f'"""{text}\n"""'


def _find_modules(problem: Problem, folder: Path) -> tuple[str, str]:
    """Return the modules with the functions and with the space of a problem, as a file in a folder imports them."""
    assert problem.path is not None  # a study that was searched from Python is refused before
    path = Path(problem.path).resolve()
    is_pair = path.is_dir()
    home = path if is_pair else path.parent
    names = (Path(NETWORK).stem, Path(SPACE).stem) if is_pair else (path.stem, path.stem)
    package = _PACKAGE.resolve()
    if home.is_relative_to(package):
        prefix = ".".join(["metaopt", *home.relative_to(package).parts])
        return f"{prefix}.{names[0]}", f"{prefix}.{names[1]}"
    if folder != home:
        raise UserError(
            f"The narrowed space imports the networks of {shown(path)}: write it to the same folder, e.g. with"
            f" --output {shown(home / 'space_narrow.py')}."
        )
    if not names[0].isidentifier():
        raise UserError(f"{path.name} cannot be imported: its name is no Python name. Rename it.")
    return names


def _loaded_module(space_module: str) -> Any:
    """Return the module of the space, which was run when the problem was loaded."""
    if space_module.startswith("metaopt."):
        return importlib.import_module(space_module)
    return sys.modules.get(f"metaopt_problem_{space_module}")


def _make_namer(module: Any) -> Callable[[Any], str | None]:
    """Return a function from a value to the name that a module gives it, or None."""
    named = {} if module is None else {id(value): name for name, value in vars(module).items()}
    return lambda value: named.get(id(value))


def _is_own(problem: Problem, name: str) -> bool:
    """Return whether the problem's file defines a function."""
    function = getattr(problem, name)
    return function is not None and function != Training.from_point


def _list_of(names: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in sorted(names)) + "]"
