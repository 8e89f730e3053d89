"""Key of a point, to recognise equal points."""

import json
from typing import Any

from metaopt.values.json_values import to_json_value
from metaopt.values.safe_text import safe_repr


def point_key(value: Any) -> str:
    """Return a text that is equal for equal points, whatever the order of their keys."""
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), default=safe_repr)
    except (TypeError, ValueError, RecursionError):  # keys that JSON has not or that cannot be sorted, or a cycle
        return json.dumps(to_json_value(value), sort_keys=True, separators=(",", ":"))
