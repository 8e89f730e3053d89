"""The HTML of a page: template, styles and scripts, with a policy that lets a browser run nothing else."""

import base64
import hashlib
import html
import json
from collections.abc import Sequence
from functools import cache
from importlib import resources
from string import Template
from typing import Any

from plotly.offline import get_plotlyjs

from metaopt.report.page.text import safe_document
from metaopt.terminal.printable import printable

SCRIPTS = ("dom.js", "theme.js", "figures.js", "details.js", "table.js", "network.js", "page.js")
"""Scripts of a page, in the order in which they run, after plotly."""

PLOTLY = "plotly.min.js"
STYLES = "page.css"

# Scripts: those of the page alone, none of its text. Plotly's WebGL traces (parallel coordinates) compile their drawing
# commands with `Function`, hence `unsafe-eval`. Styles: plotly sets style attributes. Images: the drawing of the
# network, and the picture that plotly's camera button saves.
_POLICY = (
    "default-src 'none'; script-src {scripts} 'unsafe-eval'; style-src {styles} 'unsafe-inline'; "
    "img-src data: blob:; {connect}"
    "base-uri 'none'; form-action 'none'"
)


@cache
def asset(name: str) -> str:
    """Return the text of a file of this package, or of plotly's JavaScript."""
    if name == PLOTLY:
        return str(get_plotlyjs())
    return (resources.files(__package__) / "assets" / name).read_text(encoding="utf-8")


def policy(scripts: str, styles: str = "", connect: str = "") -> str:
    """Return a content security policy.

    Args:
        scripts: sources of scripts, e.g. ``'self'``.
        styles: sources of styles beside those within the page.
        connect: addresses that scripts may read, e.g. ``'self'``.
    """
    reading = f"connect-src {connect}; " if connect else ""
    return " ".join(_POLICY.format(scripts=scripts, styles=styles, connect=reading).split())


def self_contained(document: dict[str, Any], *, has_plotly_inside: bool = True) -> str:
    """Return a page as one HTML file that loads nothing from a network.

    Args:
        document: the document, see ``make_document``.
        has_plotly_inside: whether plotly's JavaScript (5 MB) is inside; else it is read from ``plotly.min.js`` beside.
    """
    scripts = [asset(name) for name in SCRIPTS]
    inside = [asset(PLOTLY), *scripts] if has_plotly_inside else scripts
    sources = " ".join(map(_hash, inside))
    beside = "" if has_plotly_inside else f'<script src="{PLOTLY}"></script>\n'
    data = f'<script type="application/json" id="document">{_embedded(document)}</script>\n'
    body = "\n".join(f"<script>{script}</script>" for script in inside)
    allowed = sources if has_plotly_inside else f"{sources} 'self' file:"
    meta = f'<meta http-equiv="Content-Security-Policy" content="{html.escape(policy(allowed))}">'
    return _fill(meta, str(document["title"]), f"<style>{asset(STYLES)}</style>", beside + data + body)


def served(title: str, static: str, scripts: Sequence[str], more: str = "") -> str:
    """Return a page whose styles and scripts a server has; it reads its document from there.

    Args:
        title: title of the page.
        static: address of the folder of styles and scripts, relative to the page.
        scripts: names of the scripts, in the order in which they run.
        more: further HTML in front of the scripts.
    """
    styles = f'<link rel="stylesheet" href="{static}{STYLES}">'
    body = "\n".join(f'<script src="{static}{name}"></script>' for name in scripts)
    return _fill("", title, styles, f"{more}\n{body}")


def _fill(meta: str, title: str, styles: str, scripts: str) -> str:
    name = html.escape(printable(title))
    return Template(asset("page.html")).substitute(policy=meta, title=name, styles=styles, scripts=scripts)


def _hash(script: str) -> str:
    """Return a script's source in a policy, which lets exactly this text run."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def to_json(document: Any) -> str:
    """Return a document as JSON in ASCII, with the control characters of its texts escaped; NaN becomes null."""
    return json.dumps(safe_document(document), separators=(",", ":"), allow_nan=False)


def _embedded(document: Any) -> str:
    """Return JSON for an element of a page: without ``<``, no text can end the element."""
    return to_json(document).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
