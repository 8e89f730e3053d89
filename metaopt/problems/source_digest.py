"""What of a problem's source text decides what is trained."""

import ast
import hashlib


def network_code(source: str) -> str:
    """The code of a problem without what may change in the course of a study.

    Comments, docstrings and layout are left out, and so are the assignments to ``space``, which is compared by its
    canonical text, and to ``defaults``, which only an import reads.

    Args:
        source: of one or more Python files, one after the other.

    Returns:
        Normal Python code; the text as it is if it cannot be parsed, such as a lambda cut out of its line.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return source
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [one for one in body if not _is_text(one)] or [ast.Pass()]  # type: ignore[attr-defined]
    tree.body = [one for one in tree.body if not _assigns_data(one)]
    return ast.unparse(tree)


def code_digest(code: str) -> str:
    """What stands for the code in a study's fingerprint."""
    return hashlib.sha256(code.encode()).hexdigest()


def _is_text(statement: ast.stmt) -> bool:
    """A docstring, or another string that stands alone."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _assigns_data(statement: ast.stmt) -> bool:
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    return any(isinstance(target, ast.Name) and target.id in ("space", "defaults") for target in targets)
