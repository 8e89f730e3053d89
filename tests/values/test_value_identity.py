"""Descriptions tell different values apart, and are equal for equal ones in every process."""

import numpy as np
import pytest

from metaopt.values.value_identity import describe_value, is_plain, sign_draw


class Thing:
    def __init__(self, size: int) -> None:
        self.size = size


def middle(value: int) -> np.ndarray:
    """A large array; NumPy's ``repr`` leaves its middle out."""
    array = np.zeros((50, 50))
    array[25, 25] = value
    return array


@pytest.mark.parametrize(
    "make",
    [
        middle,
        lambda value: [middle(value)],
        Thing,
        lambda value: {"f": lambda x: x + value},
        lambda value: np.array([value], dtype=object),
    ],
)
def test_values_with_one_repr_differ(make) -> None:
    assert describe_value(make(1)) == describe_value(make(1)) != describe_value(make(2))


def test_an_object_without_a_module_is_described() -> None:
    assert describe_value(number for number in [1]).startswith("generator.")


def test_a_value_within_itself_is_described() -> None:
    knot: list = [np.zeros(1)]
    knot.append(knot)
    assert describe_value(knot) == "[array([0.0], float64), <list within itself>]"
    assert not is_plain({"a": object()})
    assert not is_plain({1: "a"})
    assert is_plain({"a": [1, (2.5, None)], "b": np.int64(3)})


def test_draws_are_signed_by_their_numbers() -> None:
    assert sign_draw({"a": 1, "b": 0.5}) == sign_draw({"b": 0.5, "a": np.float64(1)})
    assert sign_draw({"a": 1}) != sign_draw({"a": 2})
    assert sign_draw({"a": 1}) != sign_draw({"b": 1})
