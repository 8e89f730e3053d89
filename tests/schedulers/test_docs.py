"""Every snippet of docs/schedulers.md runs, and what it asserts is true; every scheduler is explained."""

import re
from pathlib import Path
from typing import Any

from metaopt.schedulers import SCHEDULERS

PAGE = Path(__file__).parents[2] / "docs" / "schedulers.md"


def test_every_snippet_runs() -> None:
    text = PAGE.read_text(encoding="utf-8")
    snippets = list(re.finditer(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE))
    assert len(snippets) == 2
    names: dict[str, Any] = {}
    for snippet in snippets:
        line = text.count("\n", 0, snippet.start(1))
        exec(compile("\n" * line + snippet[1], str(PAGE), "exec"), names)


def test_every_scheduler_is_explained() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in SCHEDULERS:
        assert re.search(rf"^- \*\*`{name}`\*\*", text, re.MULTILINE), name
