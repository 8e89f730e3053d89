"""Every snippet of docs/spaces.md runs, one after the other, and what it asserts is true."""

import re
from pathlib import Path
from typing import Any

from hyperopt import hp
from hyperopt.pyll import scope

PAGE = Path(__file__).parents[2] / "docs" / "spaces.md"


def test_every_snippet_runs() -> None:
    text = PAGE.read_text(encoding="utf-8")
    snippets = list(re.finditer(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE))
    assert len(snippets) > 10
    names: dict[str, Any] = {}
    try:
        for snippet in snippets:
            line = text.count("\n", 0, snippet.start(1))
            exec(compile("\n" * line + snippet[1], str(PAGE), "exec"), names)
    finally:
        scope.undefine("odd")  # hyperopt's table of functions is global


def test_every_distribution_is_explained() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in vars(hp):
        if not name.startswith("_"):
            assert f"hp.{name}(" in text, name
