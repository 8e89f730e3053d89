"""Every snippet of docs/benchmarks.md runs, and what it asserts is true."""

import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"


def test_every_snippet_runs() -> None:
    text = PAGE.read_text(encoding="utf-8")
    snippets = list(re.finditer(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE))
    assert len(snippets) == 1
    names: dict[str, Any] = {}
    for snippet in snippets:
        line = text.count("\n", 0, snippet.start(1))
        exec(compile("\n" * line + snippet[1], str(PAGE), "exec"), names)
