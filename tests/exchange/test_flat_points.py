"""Nested points as flat rows, and values as cells."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaopt.exchange.flat_points import flatten, read_cell, unescape, unflatten, write_cell

POINT = {
    "x": 0.5,
    "hidden": None,
    "kernel": [3, 3],
    "blocks": [{"filters": 8, "pool": "max"}, {"filters": 16, "pool": None}],
    "empty": {},
    "none": [],
}


def test_paths_lead_to_the_values() -> None:
    flat = flatten(POINT)
    assert flat["blocks.1.filters"] == 16
    assert flat["kernel"] == [3, 3]
    assert flat["empty"] == {}
    assert unflatten(flat) == POINT


def test_dots_and_percent_signs_of_keys_are_escaped() -> None:
    point = {"conv1.filters": 8, "50%": {"v1.2": 3, "%2E": 4}}
    flat = flatten(point)
    assert set(flat) == {"conv1%2Efilters", "50%25.v1%2E2", "50%25.%252E"}
    assert unflatten(flat) == point
    assert [unescape(path) for path in flat] == ["conv1.filters", "50%.v1.2", "50%.%2E"]


def test_a_point_that_is_no_dict_is_one_value() -> None:
    assert flatten(0.25) == {"point": 0.25}
    assert unflatten({"point": 0.25}) == 0.25


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text()))
def test_a_cell_keeps_its_value_and_type(value) -> None:
    text = write_cell(value)
    assert text
    read = read_cell(text)
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(("text", "value"), [("True", True), ("None", None), ("relu", "relu"), ("[3, 3]", [3, 3])])
def test_cells_of_other_programs_are_read(text, value) -> None:
    assert read_cell(text) == value
