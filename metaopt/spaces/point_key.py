"""Canonical text of a point."""

import json
from typing import Any


def point_key(value: Any) -> str:
    """One text for equal points, whatever the order of their keys."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=repr)
