"""Code of a problem that determines its networks, and the digest of this code in a study's fingerprint."""

import ast
import hashlib

# Modules that were moved, with the path that stored studies know. The new path must give the same code.
_EARLIER_PATHS = {
    "metaopt.problems": "metaopt.study.problem",
    "metaopt.problems.problem": "metaopt.study.problem",
    "metaopt.problems.training_config": "metaopt.study.problem",
}


def network_code(source: str) -> str:
    """Return the code of a problem without the parts that may change during a study.

    Comments, docstrings and layout are removed, and imports from a module that was moved have its earlier path. The
    assignments to ``space`` are removed because a study compares the digest of the space, and those to ``defaults``
    because only an import reads them.

    Args:
        source: text of one or more Python files, one after another.

    Returns:
        Normalised Python code; the unchanged text if it cannot be parsed, such as a lambda that was cut out of a line.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return source
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [one for one in body if not _is_string(one)] or [ast.Pass()]  # type: ignore[attr-defined]
        if isinstance(node, ast.ImportFrom) and node.module in _EARLIER_PATHS:
            node.module = _EARLIER_PATHS[node.module]
    tree.body = [one for one in tree.body if not _assigns_space_or_defaults(one)]
    return ast.unparse(tree)


def is_same_program(source: str, other: str) -> bool:
    """Return whether two sources do the same: they differ in comments and layout at most."""
    if source == other:
        return True
    try:
        return ast.dump(ast.parse(source)) == ast.dump(ast.parse(other))
    except (SyntaxError, ValueError, RecursionError):
        return False


def code_digest(code: str) -> str:
    """Return the digest of a problem's code, a part of the fingerprint of a study."""
    return hashlib.sha256(code.encode()).hexdigest()


def _is_string(statement: ast.stmt) -> bool:
    """Return whether a statement is a docstring or another string expression."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _assigns_space_or_defaults(statement: ast.stmt) -> bool:
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    return any(isinstance(target, ast.Name) and target.id in ("space", "defaults") for target in targets)
