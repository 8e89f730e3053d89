"""The documentation site: its navigation, its links on a code host and in the built pages, and its reference."""

import importlib.util
import os
import posixpath
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import yaml

import metaopt
from metaopt.engine.strategy import STRATEGIES

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
CODE = re.compile(r"^```.*?^```|`[^`\n]+`", re.DOTALL | re.MULTILINE)


@cache
def read_config() -> dict[str, Any]:
    """Return mkdocs.yml; values with a tag of Python, which name functions, are None."""

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)
    config: dict[str, Any] = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), Loader)
    return config


def pages_of(nav: Any) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    return [page for each in (nav.values() if isinstance(nav, dict) else nav) for page in pages_of(each)]


def load_hooks() -> ModuleType:
    pytest.importorskip("mkdocs", reason="mkdocs is not installed: pip install -r requirements-docs.txt")
    specification = importlib.util.spec_from_file_location("site_hooks", DOCS / "hooks.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def anchors_on_a_code_host(text: str) -> set[str]:
    """Return the anchors that GitHub and GitLab give to the headings of a page."""
    anchors: set[str] = set()
    repeated: Counter[str] = Counter()
    for title in re.findall(r"^#{1,6} +(.*)$", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE), re.M):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower().replace(" ", "-")
        anchor = re.sub(r"[^\w-]", "", plain)
        anchors.add(f"{anchor}-{repeated[anchor]}" if repeated[anchor] else anchor)
        repeated[anchor] += 1
    return anchors


def test_every_page_is_in_the_navigation() -> None:
    listed = pages_of(read_config()["nav"])
    for page in PAGES:
        name = page.relative_to(DOCS).as_posix()
        assert name in listed, f"docs/{name} is not in the navigation: add {name} to `nav` of mkdocs.yml."
    assert len(listed) == len(set(listed)), "A page is in the navigation of mkdocs.yml twice."


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, id=page.relative_to(ROOT).as_posix()) for page in [*PAGES, *sorted(ROOT.glob("*.md"))]],
)
def test_links_work_on_a_code_host(page: Path) -> None:
    text = CODE.sub("", page.read_text(encoding="utf-8"))
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = Path(os.path.normpath(page.parent / path)) if path else page
        assert target.exists(), f"{page.relative_to(ROOT)} links to {link}: there is no such file."
        if not anchor or "/reference/" in target.as_posix():  # the anchors of the reference are in the site only
            continue
        known = anchors_on_a_code_host(target.read_text(encoding="utf-8"))
        assert anchor in known, f"{page.relative_to(ROOT)} links to {link}: there is no such heading."


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_has_a_page(strategy: str) -> None:
    table = (DOCS / "strategies.md").read_text(encoding="utf-8")
    row = re.search(rf"^\| \[`{strategy}`\]\(([^)]+)\) \|", table, re.MULTILINE)
    assert row, f"docs/strategies.md has no row for the strategy {strategy}: add one that links to its page."
    assert (DOCS / row[1].partition("#")[0]).exists(), f"docs/strategies.md links {strategy} to {row[1]}: no such page."


@pytest.mark.parametrize("name", metaopt.__all__)
def test_every_public_name_is_in_the_reference(name: str) -> None:
    reference = "\n".join(page.read_text(encoding="utf-8") for page in (DOCS / "reference").glob("*.md"))
    missing = f"metaopt.{name} is in no page of docs/reference: add `::: metaopt.{name}` to one."
    home = metaopt._HOME.get(name, "")
    assert re.search(rf"^::: (metaopt\.{name}|{re.escape(home)})$", reference, re.MULTILINE), missing


def test_links_out_of_the_docs_become_pages_of_the_site() -> None:
    hooks = load_hooks()
    unchanged = "[a](data.md#splits) [b](https://host/space.py) [c](#d)\n\n```\n](../space.py)\n```\n"
    assert hooks.rewrite_links(f"[s](../space.py) {unchanged}", "spaces.md") == f"[s](files/space.py.md) {unchanged}"
    assert hooks.rewrite_links("[a](docs/data.md) [b](space.py)", "files/CONTRIBUTING.md") == (
        "[a](../data.md) [b](space.py.md)"
    )


class Links(HTMLParser):
    """The links and the anchors of a built page."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.anchors |= {value for name in ("id", "name") if (value := values.get(name))}
        self.links += [value for name in ("href", "src") if (value := values.get(name)) and tag != "base"]


@pytest.mark.slow
def test_site_builds_and_every_link_leads_somewhere(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    built = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        check=False,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    pages = {path.relative_to(tmp_path).as_posix(): Links(path) for path in tmp_path.rglob("*.html")}
    assert set(pages) >= {page.relative_to(DOCS).with_suffix(".html").as_posix() for page in PAGES}
    for page, found in pages.items():
        if page == "404.html":  # its links are absolute, as it is shown at any address
            continue
        for link in found.links:
            parts = urlsplit(link)
            assert parts.scheme != "http", f"{page} links to {link} without encryption."
            if parts.scheme or parts.netloc:
                continue
            path = posixpath.join(posixpath.dirname(page), unquote(parts.path)) if parts.path else page
            target = posixpath.normpath(path)
            assert (tmp_path / target).exists(), f"{page} links to {link}, which is not in the site."
            anchor = unquote(parts.fragment)
            known = not anchor or target not in pages or anchor in pages[target].anchors
            assert known, f"{page} links to {link}: there is no such anchor."
    anchors = {anchor for found in pages.values() for anchor in found.anchors}
    for name in metaopt.__all__:
        home = metaopt._HOME.get(name)
        rendered = f"{home}.{name}" in anchors or any(re.match(rf"metaopt\.{name}(\.|$)", each) for each in anchors)
        assert rendered, f"metaopt.{name} is not rendered."
