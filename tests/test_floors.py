"""Imports between the layers ("floors") of metaopt, and imports of frameworks."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "metaopt"

# From the lowest to the highest. Each name is a file or a folder ("room") of metaopt/.
FLOORS = (
    ("errors", "quantities", "randomness", "terminal", "values", "files"),
    ("blueprint", "spaces"),
    ("backbones", "outputs", "problems"),
    ("trials",),
    ("evolving", "samplers", "schedulers"),
    ("guard", "storage", "strategies"),
    ("engine",),
    ("zoo", "data", "training", "executors", "exchange", "trackers", "deployment"),
    ("report",),
    ("server",),
    ("api", "cli", "command", "data_search", "evolve_api", "public_study", "study", "__main__", "__init__"),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
FRAMEWORKS = ("keras", "tensorflow", "jax", "torch")
LOADS_KERAS = "backbones/loading.py"
USERS_FILES = ("space", "neural_net", "hyperopt_optimize")

FILES = sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    """Return the room of a file, e.g. ``engine`` for metaopt/engine/jobs.py."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def imports(path: Path) -> list[tuple[str, int, bool]]:
    """Return the absolute name of each imported module, its line, and whether it is imported inside a function."""
    package = list(path.relative_to(ROOT).with_suffix("").parts)[:-1]

    def visit(node: ast.AST, inside: bool) -> Iterator[tuple[str, int, bool]]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno, inside
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            for alias in node.names:
                yield ".".join([*base, *filter(None, [node.module]), alias.name]), node.lineno, inside
        inside = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.expr):  # an expression holds no import
                yield from visit(child, inside)

    return list(visit(ast.parse(path.read_text()), inside=False))


@pytest.mark.parametrize("path", FILES, ids=name)
def test_no_module_imports_a_higher_floor(path: Path) -> None:
    assert room(path) in FLOOR, f"{name(path)}: give '{room(path)}' a floor in {Path(__file__).name}"
    for module, line, _ in imports(path):
        top, *rest = module.split(".")
        if top != "metaopt" or not rest:  # the package itself loads its names lazily
            continue
        # `from metaopt import search` imports a name of metaopt/__init__.py, which is on the highest floor.
        other = rest[0] if rest and rest[0] in FLOOR else "__init__"
        assert FLOOR[other] <= FLOOR[room(path)], (
            f"{name(path)}:{line} imports {module}: '{other}' is on a higher floor than '{room(path)}'"
        )


@pytest.mark.parametrize("path", [p for p in FILES if FLOOR.get(room(p), 0) <= FLOOR["engine"]], ids=name)
def test_no_module_up_to_the_engine_imports_a_framework(path: Path) -> None:
    builds_keras_models = (room(path) == "blueprint" and path.name.startswith("to_keras")) or path.match(LOADS_KERAS)
    for module, line, inside_function in imports(path):
        allowed = module.split(".")[0] not in FRAMEWORKS or (builds_keras_models and inside_function)
        assert allowed, (
            f"{name(path)}:{line} imports {module}; only functions of {LOADS_KERAS} and blueprint/to_keras*.py may"
        )


@pytest.mark.parametrize("path", FILES, ids=name)
def test_metaopt_never_imports_the_users_files(path: Path) -> None:
    for module, line, _ in imports(path):
        assert module.split(".")[0] not in USERS_FILES, f"{name(path)}:{line} imports the user's {module}"


def test_every_form_of_import_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "metaopt" / "engine" / "loop.py"
    file.parent.mkdir(parents=True)
    file.write_text(
        "import keras.ops as k\n"
        "from metaopt import zoo\n"
        "from . import jobs\n"
        "from ..report.text import best\n"
        "def f():\n"
        "    class A:\n"
        "        from jax import numpy\n"
    )
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    assert imports(file) == [
        ("keras.ops", 1, False),
        ("metaopt.zoo", 2, False),
        ("metaopt.engine.jobs", 3, False),
        ("metaopt.report.text.best", 4, False),
        ("jax.numpy", 7, True),
    ]


@pytest.mark.slow
def test_floors_up_to_the_engine_load_no_framework() -> None:
    """A new interpreter also shows imports through other libraries."""
    modules = ["metaopt"]
    for path in FILES:
        if FLOOR.get(room(path), 0) <= FLOOR["engine"]:
            modules.append(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
    code = (
        "import importlib, sys\n"
        f"for module in {modules!r}:\n"
        "    importlib.import_module(module)\n"
        f"    found = [name for name in {FRAMEWORKS!r} if name in sys.modules]\n"
        "    assert not found, f'importing {module} imports {found}'\n"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
