"""Key of a point, to recognise equal points."""

import json
from typing import Any


def point_key(value: Any) -> str:
    """Return a text that is equal for equal points, whatever the order of their keys."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=repr)
