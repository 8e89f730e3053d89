"""Text of a page: names of users never reach it as HTML, or with control characters."""

import html
import math
from typing import Any

import numpy as np

from metaopt.terminal.printable import printable, printable_lines


def plot_text(text: object) -> str:
    """Return a text that plotly shows literally; it reads tags such as ``<b>`` and entities in every label."""
    return html.escape(printable(text), quote=False)


def safe_document(value: Any) -> Any:
    """Return a document with every text as ``printable_lines`` returns it, the keys of dicts included; NaN is None.

    Args:
        value: dicts, lists, tuples, texts and numbers, those of NumPy among them.
    """
    if isinstance(value, str):
        return printable_lines(value)
    if isinstance(value, dict):
        return {printable_lines(key): safe_document(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [safe_document(item) for item in value]
    if isinstance(value, np.generic):
        return safe_document(value.item())
    return None if isinstance(value, float) and not math.isfinite(value) else value
