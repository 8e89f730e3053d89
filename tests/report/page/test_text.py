"""Names of users on a page: no tags, no control characters."""

import numpy as np
import pytest

from metaopt.report.page.text import plot_text, safe_document


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("<b>bold</b>", "&lt;b&gt;bold&lt;/b&gt;"),
        ("a & b", "a &amp; b"),
        ("&lt;", "&amp;lt;"),
        ("red\x1b[31m\u202e", "red\\x1b[31m\\u202e"),
        (0.5, "0.5"),
    ],
)
def test_plotly_shows_names_literally(name: object, shown: str) -> None:
    assert plot_text(name) == shown


def test_documents_hold_no_control_characters_and_no_nan() -> None:
    document = {
        "na\x00me": ["line\nbreak", "\x07", ("\u2028",)],
        "numbers": [float("nan"), np.float64("inf"), np.int64(3), 0.5],
    }
    assert safe_document(document) == {
        "na\\x00me": ["line\nbreak", "\\x07", ["\\u2028"]],
        "numbers": [None, None, 3, 0.5],
    }
