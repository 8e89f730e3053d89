#!/usr/bin/env python3
"""Structure of a checkout: sizes of modules and functions, imports between rooms, tests by name, docstrings.

    python3 benchmarks/structure.py [CHECKOUT]

A room is a file or folder of ``metaopt/``, and a folder of two levels where it holds folders itself. An arrow is a pair
of rooms of which one imports the other.
"""

import argparse
import ast
import re
import statistics
from collections.abc import Iterator
from functools import cache
from pathlib import Path


class Checkout:
    """Source files of a checkout, with their imports."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = sorted((root / "metaopt").rglob("*.py"))
        self.trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in self.files}
        self.modules = {self.module(path): path for path in self.files}

    def module(self, path: Path) -> str:
        """Return the dotted name of a file."""
        parts = path.relative_to(self.root).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def room(self, module: str, depth: int = 1) -> str:
        """Return the room of a module: its first parts below ``metaopt``."""
        return ".".join(module.split(".")[1 : 1 + depth]) or "__init__"

    def imports(self, path: Path) -> Iterator[str]:
        """Yield the modules of metaopt that a file imports, at its top and in functions."""
        for node in ast.walk(self.trees[path]):
            names = []
            if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            for name in names:
                while name and name not in self.modules:
                    name = name.rpartition(".")[0]  # a name within a module
                if name.startswith("metaopt."):
                    yield name

    def arrows(self) -> set[tuple[str, str]]:
        """Return the pairs of rooms of which the first imports the second."""
        found = set()
        for path in self.files:
            own = self.room(self.module(path))
            found |= {(own, self.room(name)) for name in self.imports(path)}
        return {(one, other) for one, other in found if one != other}

    def longest_chain(self) -> list[str]:
        """Return the longest chain of modules of which each imports the next at its top, without repeating one."""
        graph = {name: sorted(set(self.top_imports(path)) - {name}) for name, path in self.modules.items()}
        open_modules: set[str] = set()

        @cache
        def chain(name: str) -> tuple[str, ...]:
            open_modules.add(name)
            below = [chain(each) for each in graph[name] if each not in open_modules]
            open_modules.discard(name)
            return (name, *max(below, key=len, default=()))

        return list(max((chain(name) for name in graph), key=len))

    def top_imports(self, path: Path) -> Iterator[str]:
        """Yield the modules that a file imports when it is imported itself."""
        for node in self.trees[path].body:
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    name = f"{node.module}.{alias.name}"
                    while name and name not in self.modules:
                        name = name.rpartition(".")[0]
                    if name.startswith("metaopt."):
                        yield name

    def functions(self) -> list[int]:
        """Return the number of lines of each function, its docstring included."""
        nodes = [node for tree in self.trees.values() for node in ast.walk(tree)]
        return [
            (node.end_lineno or 0) - node.lineno + 1
            for node in nodes
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]

    def docstrings(self) -> list[str]:
        """Return every docstring."""
        kinds = ast.Module | ast.ClassDef | ast.FunctionDef
        nodes = [node for tree in self.trees.values() for node in ast.walk(tree) if isinstance(node, kinds)]
        return [text for node in nodes if (text := ast.get_docstring(node))]

    def tested(self) -> tuple[int, int, list[str]]:
        """Return how many modules have a test file of their name and place, how many there are, and the others."""
        own = [path for path in self.files if path.name != "__init__.py"]
        missing = []
        for path in own:
            place = path.relative_to(self.root / "metaopt")
            if not (self.root / "tests" / place.parent / f"test_{place.stem.strip('_')}.py").exists():
                missing.append(str(place))
        return len(own) - len(missing), len(own), missing

    def messages_with_flags(self) -> int:
        """Return the number of strings outside the command line that name a flag."""
        count = 0
        for path, tree in self.trees.items():
            if self.room(self.module(path)) in ("cli", "command", "__main__"):
                continue
            docs = {id(node.body[0].value) for node in ast.walk(tree) if _has_docstring(node)}  # type: ignore[attr-defined]
            for node in ast.walk(tree):
                is_text = isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs
                count += is_text and re.search(r"(^|[\s(`'])--[a-z]", node.value) is not None  # type: ignore[attr-defined]
        return count


def _has_docstring(node: ast.AST) -> bool:
    body = getattr(node, "body", None)
    return isinstance(body, list) and bool(body) and isinstance(body[0], ast.Expr) and not isinstance(node, ast.If)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", nargs="?", type=Path, default=Path(__file__).resolve().parents[1])
    parser.add_argument("--list", action="store_true", help="also list arrows, the chain and modules without a test")
    arguments = parser.parse_args()
    checkout = Checkout(arguments.checkout.resolve())
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in checkout.files}
    own = [length for path, length in lengths.items() if path.name != "__init__.py"]
    longest = max(lengths, key=lambda path: lengths[path])
    functions = sorted(checkout.functions())
    text = "\n".join(path.read_text(encoding="utf-8") for path in checkout.files)
    docstrings = checkout.docstrings()
    tests = list((checkout.root / "tests").rglob("*.py"))
    names = [name for path in tests for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.M)]
    tested, modules, missing = checkout.tested()
    chain = checkout.longest_chain()
    rows = {
        "lines of metaopt": sum(lengths.values()),
        "files of metaopt": len(lengths),
        "median module, lines": statistics.median(own),
        "longest module, lines": f"{lengths[longest]} ({longest.relative_to(checkout.root)})",
        "functions": len(functions),
        "95th percentile of function length, lines": functions[int(0.95 * len(functions))],
        "longest function, lines": functions[-1],
        "modules with a test file of their name": f"{tested} of {modules} ({tested / modules:.0%})",
        "arrows between rooms": len(checkout.arrows()),
        "longest import chain": len(chain),
        "`Any`": len(re.findall(r"\bAny\b", text)),
        "docstrings that begin with What": sum(doc.startswith("What ") for doc in docstrings),
        "docstrings that begin with Of or Whether": sum(doc.startswith(("Of ", "Whether ")) for doc in docstrings),
        "messages outside the command line that name a flag": checkout.messages_with_flags(),
        "lines of tests": sum(len(path.read_text(encoding="utf-8").splitlines()) for path in tests),
        "test names over 60 characters": f"{sum(len(name) > 60 for name in names)} of {len(names)}",
    }
    for name, value in rows.items():
        print(f"{name:<52} {value}")
    if arguments.list:
        print("\n".join(f"{one} -> {other}" for one, other in sorted(checkout.arrows())))
        print(" > ".join(chain))
        print("without a test:", *missing, sep="\n  ")


if __name__ == "__main__":
    main()
