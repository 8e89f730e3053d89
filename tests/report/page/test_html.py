"""HTML of a page: what its policy lets run, and names that try to get out of their place."""

import base64
import hashlib
import html
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from metaopt.report.page.html import PLOTLY, SCRIPTS, asset, policy, self_contained, to_json

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)> & \u2028\x1b[2J"


def document(**changes: Any) -> dict[str, Any]:
    return {"title": "study", "tiles": [], "sections": [], **changes}


class Elements(HTMLParser):
    """Elements of a page, with the content of scripts and styles."""

    def __init__(self, text: str):
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.is_in_script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self.is_in_script = tag == "script"
        if self.is_in_script:
            self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        self.is_in_script = False

    def handle_data(self, data: str) -> None:
        if self.is_in_script:
            attributes, text = self.scripts[-1]
            self.scripts[-1] = attributes, text + data


def policy_of(page: Elements) -> str:
    return next(each["content"] or "" for tag, each in page.found if tag == "meta" and "http-equiv" in each)


def test_only_the_scripts_of_the_page_may_run() -> None:
    page = Elements(self_contained(document()))
    run = [text for attributes, text in page.scripts if attributes.get("type") != "application/json"]
    assert len(run) == len(SCRIPTS) + 1
    allowed = set(re.findall(r"'sha256-([^']+)'", policy_of(page)))
    assert {base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in run} == allowed
    assert "'unsafe-inline'" not in policy_of(page).partition("style-src")[0]
    assert policy_of(page).startswith("default-src 'none'")


def test_the_page_loads_nothing() -> None:
    page = Elements(self_contained(document()))
    assert [each for _, each in page.found if "src" in each] == []
    assert [each["href"] for tag, each in page.found if tag == "link"] == ["data:,"]
    assert "@import" not in asset("page.css")
    assert "url(" not in asset("page.css")


def test_plotly_may_be_beside_the_page() -> None:
    text = self_contained(document(), has_plotly_inside=False)
    assert len(text) < 200_000
    assert [each["src"] for tag, each in Elements(text).found if "src" in each] == [PLOTLY]


def test_hostile_names_stay_text() -> None:
    page = Elements(self_contained(document(title=HOSTILE, sentences=[HOSTILE])))
    assert len([tag for tag, _ in page.found if tag == "script"]) == len(SCRIPTS) + 2
    assert not any(name.startswith("on") for _, each in page.found for name in each)
    assert not any(tag == "img" for tag, _ in page.found)
    (data,) = [text for attributes, text in page.scripts if attributes.get("type") == "application/json"]
    assert not set(data) & set("<>&\u2028\x1b")
    assert json.loads(data)["sentences"] == [HOSTILE.replace("\u2028", "\\u2028").replace("\x1b", "\\x1b")]


def test_json_is_ascii_without_nan() -> None:
    assert to_json({"é": float("nan")}) == '{"\\u00e9":null}'


def test_a_served_page_may_read_from_its_server_only() -> None:
    text = policy("'self'", "'self'", connect="'self'")
    assert "connect-src 'self';" in text
    assert html.escape(text) != text


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_add_text_only(name: str) -> None:
    script = asset(name)
    for sink in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
        assert sink not in script
    assert script.startswith('"use strict";')


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node to parse the scripts")
def test_scripts_are_valid_javascript(tmp_path: Path) -> None:
    together = tmp_path / "page.js"
    together.write_text("\n".join(map(asset, SCRIPTS)), encoding="utf-8")
    done = subprocess.run(["node", "--check", together], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
