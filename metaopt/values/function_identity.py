"""Text that identifies a Python function: its source, or its bytecode where there is none, and what it captured.

Two lambdas of one name differ, and a function that was edited is another one. Comments, docstrings and layout do not
count. Functions of the same file that it calls count with it. Of captured values, numbers, texts, containers of them,
arrays and functions count; not those that the function itself changes, such as a list of its results.
"""

import ast
import dis
import functools
import hashlib
import linecache
import sys
import types
from collections.abc import Iterator
from typing import Any

import numpy as np

from metaopt.values.value_identity import describe_value

_PLAIN = (str, bytes, int, float, complex, bool, type(None))
# Methods of containers that leave them as they are.
_READING = {
    "get",
    "items",
    "keys",
    "values",
    "index",
    "count",
    "copy",
    "intersection",
    "union",
    "issubset",
    "difference",
}


def describe_function(function: types.FunctionType) -> str:
    """Return the text of a function: its name where it can be imported by it, else its name and a digest of its code.

    The code of a module that is imported has a version of its own; that of ``__main__`` has none.
    """
    name = f"{function.__module__}.{function.__qualname__}"
    is_importable = function.__module__ != "__main__" and "<" not in function.__qualname__
    return name if is_importable else f"{name} {_digest(describe_code(function))}"


def function_digest(function: Any) -> str:
    """Return the digest of a callable: of its code, wherever it is from, and of what it captured or is bound to."""
    return _digest(_Code().callable(function))


def describe_code(function: types.FunctionType) -> str:
    """Return the code of a function with what it captured."""
    return _Code().callable(function)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


class _Code:
    """Description of one callable; a function that calls itself is described once."""

    def __init__(self) -> None:
        self._seen: set[int] = set()

    def callable(self, value: Any) -> str:
        if isinstance(value, functools.partial):
            bound = [self.value(one) for one in (*value.args, *sorted(value.keywords.items()))]
            return f"partial({self.callable(value.func)}, {', '.join(bound)})"
        if isinstance(value, types.MethodType):
            return f"{self._instance(value.__self__)}.{value.__func__.__name__}"
        if isinstance(value, types.FunctionType):
            return self._function(value)
        if isinstance(value, type) or isinstance(getattr(value, "__qualname__", None), str):
            return self._class(value) if isinstance(value, type) else describe_value(value)
        return self._instance(value)

    def value(self, value: Any) -> str:
        """Return the text of a captured value: an object of unknown kind counts by its class."""
        if isinstance(value, (*_PLAIN, np.ndarray, np.generic)):
            return describe_value(value)
        if id(value) in self._seen:
            return "…"
        if type(value) in (list, tuple, set, frozenset):
            self._seen.add(id(value))
            items = [self.value(item) for item in value]
            return (
                f"{type(value).__name__}({', '.join(sorted(items) if isinstance(value, set | frozenset) else items)})"
            )
        if type(value) is dict:
            self._seen.add(id(value))
            return f"dict({', '.join(f'{self.value(key)}: {self.value(item)}' for key, item in value.items())})"
        if isinstance(value, types.FunctionType | types.MethodType | functools.partial):
            return self.callable(value)
        kind = value if isinstance(value, type) else type(value)
        return f"{kind.__module__}.{kind.__qualname__}"

    def _function(self, function: types.FunctionType) -> str:
        if id(function) in self._seen:
            return function.__name__
        self._seen.add(id(function))
        node = _find_node(function.__code__)
        text = _bytecode(function.__code__) if node is None else ast.unparse(_without_docstrings(node))
        parts = [text, self.value(function.__defaults__), self.value(function.__kwdefaults__)]
        changed = _changed_names(node)
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            try:
                value = cell.cell_contents
            except ValueError:  # it is not assigned yet
                continue
            is_constant = isinstance(value, (*_PLAIN, tuple, frozenset))
            counts = name not in changed and (
                node is not None or is_constant or not isinstance(value, list | dict | set)
            )
            parts.append(f"{name} = {self.value(value) if counts else type(value).__qualname__}")
        parts += [self._function(one) for one in _called_functions(function)]
        return "\n".join(parts)

    def _class(self, kind: type) -> str:
        methods = [one for one in vars(kind).values() if isinstance(one, types.FunctionType)]
        return "\n".join([f"class {kind.__module__}.{kind.__qualname__}", *map(self._function, methods)])

    def _instance(self, value: Any) -> str:
        """Describe an object by its class and by those attributes that only its ``__init__`` sets."""
        if isinstance(value, type | types.ModuleType):
            return self._class(value) if isinstance(value, type) else value.__name__
        kind = type(value)
        methods = {name: one for name, one in vars(kind).items() if isinstance(one, types.FunctionType)}
        stored = {
            name for key, one in methods.items() if key != "__init__" for name in _stored_attributes(one.__code__)
        }
        constants = {
            name: one
            for name, one in getattr(value, "__dict__", {}).items()
            if name not in stored and isinstance(one, (*_PLAIN, tuple))
        }
        return f"{self._class(kind)}\n{self.value(constants)}"


def _called_functions(function: types.FunctionType) -> Iterator[types.FunctionType]:
    """Yield the functions of the same file that a function names."""
    for name in sorted(set(_names(function.__code__))):
        one = function.__globals__.get(name)
        if isinstance(one, types.FunctionType) and one.__globals__ is function.__globals__:
            yield one


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _stored_attributes(code: types.CodeType) -> Iterator[str]:
    yield from (one.argval for one in dis.get_instructions(code) if one.opname in ("STORE_ATTR", "DELETE_ATTR"))


def _bytecode(code: types.CodeType) -> str:
    """Return the instructions of a function whose source is not known; another version of Python has others."""
    constants = [_bytecode(one) if isinstance(one, types.CodeType) else describe_value(one) for one in code.co_consts]
    parts = [sys.implementation.cache_tag or "", code.co_code.hex(), *constants, *code.co_names, *code.co_varnames]
    return " ".join(parts)


def _find_node(code: types.CodeType) -> ast.AST | None:
    """Return the syntax of a function, from the file that it was compiled from; None if the file has changed since."""
    text = "".join(linecache.getlines(code.co_filename))
    if not text:
        return None
    parsed = _parse(text)
    if parsed is None or not any(code == one for one in parsed[1]):
        return None
    found = [node for node in parsed[0] if _starts_at(node) == code.co_firstlineno and _is_of(node, code)]
    return min(found, key=_length, default=None)


@functools.lru_cache(maxsize=32)
def _parse(text: str) -> tuple[list[Any], list[types.CodeType]] | None:
    """Return the functions of a file: their syntax and their code."""
    try:
        tree = ast.parse(text)
        pending = [compile(text, "", "exec", dont_inherit=True)]
    except (SyntaxError, ValueError, RecursionError):
        return None
    for code in pending:  # the list grows during the loop
        pending += [one for one in code.co_consts if isinstance(one, types.CodeType)]
    nodes = [one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)]
    return nodes, pending


def _starts_at(node: Any) -> int:
    return min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))])


def _is_of(node: Any, code: types.CodeType) -> bool:
    """Return whether the instructions of a function lie within the body of a syntax node."""
    if not isinstance(node, ast.Lambda):
        return bool(node.name == code.co_name)
    if code.co_name != "<lambda>":
        return False
    start, end = (node.body.lineno, node.body.col_offset), (node.body.end_lineno, node.body.end_col_offset)
    places = [(line, column, last, to) for line, last, column, to in code.co_positions() if column is not None and to]
    return all(start <= (line, column) and (last, to) <= end for line, column, last, to in places)


def _length(node: Any) -> int:
    return len(ast.dump(node))


def _without_docstrings(node: ast.AST) -> ast.AST:
    copied = ast.parse(ast.unparse(node))
    for one in ast.walk(copied):
        body = getattr(one, "body", None)
        if isinstance(body, list) and len(body) > 1 and isinstance(body[0], ast.Expr):
            value = body[0].value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                del body[0]
    return copied


def _changed_names(node: ast.AST | None) -> set[str]:
    """Return the names whose values a function changes: assigned, items assigned, or a changing method called."""
    changed: set[str] = set()
    for one in () if node is None else ast.walk(node):
        if isinstance(one, ast.Name) and not isinstance(one.ctx, ast.Load):
            changed.add(one.id)
        elif isinstance(one, ast.Subscript) and not isinstance(one.ctx, ast.Load) and isinstance(one.value, ast.Name):
            changed.add(one.value.id)
        elif isinstance(one, ast.Call) and (name := _changed_by(one.func)) is not None:
            changed.add(name)
    return changed


def _changed_by(method: ast.expr) -> str | None:
    """Return the name of the object whose method is called, if the method may change it."""
    if isinstance(method, ast.Attribute) and isinstance(method.value, ast.Name) and method.attr not in _READING:
        return method.value.id
    return None
