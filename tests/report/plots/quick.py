"""Which of many pictures are drawn in the quick tests."""

from collections.abc import Iterable
from typing import Any

import pytest


def some_quick(names: Iterable[str], quick: int = 1) -> list[Any]:
    """Test parameters of which all but the first few are slow: a picture takes about a second."""
    return [name if number < quick else pytest.param(name, marks=pytest.mark.slow) for number, name in enumerate(names)]
