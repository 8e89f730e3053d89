"""Printing of JSON documents."""

import json
import sys
from typing import Any

from metaopt.terminal.printable import printable_json


def print_json(content: Any, indent: int | None = None) -> None:
    """Print a JSON document; it is valid in every encoding, and no character in it changes the terminal.

    Args:
        content: plain values; objects of other types become their text.
        indent: spaces of each level, or None for one line.
    """
    text = json.dumps(content, indent=indent, ensure_ascii=False, default=str)
    print(printable_json(text, sys.stdout.encoding), flush=True)
