"""The snippets of docs/repair.md and docs/growing.md run, and what they assert is true."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("page", ["repair.md", "growing.md"])
def test_every_snippet_runs(page):
    text = (DOCS / page).read_text(encoding="utf-8")
    snippets = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert len(snippets) == 1
    exec(compile(snippets[0], page, "exec"), {})
