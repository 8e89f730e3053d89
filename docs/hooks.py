"""MkDocs hooks: files of the repository that pages link to become pages of the site.

The pages link to them as a code host needs it: ``[space.py](../space.py)`` or, in CONTRIBUTING.md, ``docs/data.md``.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
PAGES = {name: f"files/{name.removesuffix('.md')}.md" for name in ("space.py", "neural_net.py", "CONTRIBUTING.md")}
WIDE = ("coming_from.md",)  # pages without the navigation at the left: two columns of code need its place
_FILES = {page: name for name, page in PAGES.items()}
_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)\s#]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of files outside of docs/."""
    for name, page in PAGES.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        content = text if name.endswith(".md") else f"# {name}\n\n```python\n{text}```\n"
        files.append(File.generated(config, page, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Point links to files outside of docs/ to their pages."""
    if page.file.src_uri in WIDE:
        page.meta["hide"] = ["navigation"]
    return rewrite_links(markdown, page.file.src_uri)


def rewrite_links(markdown: str, page: str) -> str:
    """Return the text of a page whose links fit the site.

    Args:
        markdown: the text.
        page: path of the page in the site.
    """
    source = _FILES.get(page, f"docs/{page}")  # path in the repository

    def target(link: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), link[1]))
        there = PAGES.get(path, path.removeprefix("docs/"))
        return posixpath.relpath(there, posixpath.dirname(page) or ".")

    return "".join(
        part if part.startswith("```") else _LINK.sub(target, part)
        for part in re.split(r"(^```.*?^```)", markdown, flags=re.DOTALL | re.MULTILINE)
    )
