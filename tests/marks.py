"""Marks of some parameters of a test."""

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def with_slow(values: Iterable[Any], slow: Collection[Any]) -> list[Any]:
    """Return the values of a parameter, those that are slow with their mark."""
    return [pytest.param(value, marks=pytest.mark.slow) if value in slow else value for value in values]
