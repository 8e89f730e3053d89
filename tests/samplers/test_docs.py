"""Every snippet of docs/evolution.md runs, one after the other, and what it asserts is true; its table is complete."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

from metaopt.samplers import Evolution

PAGE = Path(__file__).parents[2] / "docs" / "evolution.md"


def test_every_snippet_runs() -> None:
    text = PAGE.read_text(encoding="utf-8")
    snippets = list(re.finditer(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE))
    assert len(snippets) == 6
    names: dict[str, Any] = {}
    for snippet in snippets:
        line = text.count("\n", 0, snippet.start(1))
        exec(compile("\n" * line + snippet[1], str(PAGE), "exec"), names)


def test_every_setting_is_explained_with_its_default() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for field in fields(Evolution):
        default = f'"{field.default}"' if isinstance(field.default, str) else f"{field.default}"
        row = rf"^\| `{field.name}` \| `?{re.escape(default)}`? \|"
        assert re.search(row, text, re.MULTILINE), field.name
