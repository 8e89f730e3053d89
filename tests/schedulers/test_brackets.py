"""Brackets of Hyperband: published tables, rounding, and invalid arguments."""

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaopt.errors import UserError
from metaopt.schedulers import brackets


def starts(*arguments, **keywords) -> list[int]:
    return [bracket[0][0] for bracket in brackets(*arguments, **keywords)]


def test_the_two_published_tables_for_81() -> None:
    assert starts(81, 3) == starts(81, 3, rule="ceil") == [81, 34, 15, 8, 5]
    assert starts(81, 3, rule="floor") == [81, 27, 9, 6, 5]
    assert brackets(81, 3) == [
        [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
        [(34, 3), (11, 9), (3, 27), (1, 81)],
        [(15, 9), (5, 27), (1, 81)],
        [(8, 27), (2, 81)],
        [(5, 81)],
    ]
    assert brackets(81, 3, rule="floor") == [
        [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
        [(27, 3), (9, 9), (3, 27), (1, 81)],
        [(9, 9), (3, 27), (1, 81)],
        [(6, 27), (2, 81)],
        [(5, 81)],
    ]


# Reckoned by hand: (s_max + 1) / (s + 1) · η^s, rounded; then ⌊n / η^i⌋ and R // η^(s−i).
@pytest.mark.parametrize(
    ("resource", "eta", "least", "rule", "expected"),
    [
        (1, 2, 1, "ceil", [[(1, 1)]]),
        (2, 3, 1, "ceil", [[(1, 2)]]),  # η is above R
        (2, 2, 1, "ceil", [[(2, 1), (1, 2)], [(2, 2)]]),
        (3, 3, 2, "floor", [[(1, 3)]]),  # 3 · 2 is above R
        (9, 3, 1, "ceil", [[(9, 1), (3, 3), (1, 9)], [(5, 3), (1, 9)], [(3, 9)]]),  # 3/2 · 3 = 4.5
        (9, 3, 1, "floor", [[(9, 1), (3, 3), (1, 9)], [(3, 3), (1, 9)], [(3, 9)]]),
        (10, 3, 1, "ceil", [[(9, 1), (3, 3), (1, 10)], [(5, 3), (1, 10)], [(3, 10)]]),  # resources are cut off
        (26, 3, 1, "floor", [[(9, 2), (3, 8), (1, 26)], [(3, 8), (1, 26)], [(3, 26)]]),
        (
            27,
            3,
            1,
            "floor",
            [[(27, 1), (9, 3), (3, 9), (1, 27)], [(9, 3), (3, 9), (1, 27)], [(6, 9), (2, 27)], [(4, 27)]],
        ),
        (27, 3, 3, "ceil", [[(9, 3), (3, 9), (1, 27)], [(5, 9), (1, 27)], [(3, 27)]]),
        (27, 3, 4, "ceil", [[(3, 9), (1, 27)], [(2, 27)]]),
        (16, 4, 1, "ceil", [[(16, 1), (4, 4), (1, 16)], [(6, 4), (1, 16)], [(3, 16)]]),
        (
            50,
            2,
            2,
            "ceil",
            [
                [(16, 3), (8, 6), (4, 12), (2, 25), (1, 50)],
                [(10, 6), (5, 12), (2, 25), (1, 50)],
                [(7, 12), (3, 25), (1, 50)],
                [(5, 25), (2, 50)],
                [(5, 50)],
            ],
        ),
        (100, 10, 1, "floor", [[(100, 1), (10, 10), (1, 100)], [(10, 10), (1, 100)], [(3, 100)]]),
        (7, 7, 1, "ceil", [[(7, 1), (1, 7)], [(2, 7)]]),
        (8, 2, 1, "ceil", [[(8, 1), (4, 2), (2, 4), (1, 8)], [(6, 2), (3, 4), (1, 8)], [(4, 4), (2, 8)], [(4, 8)]]),
    ],
)
def test_tables_made_by_hand(resource, eta, least, rule, expected) -> None:
    assert brackets(resource, eta, rule, least) == expected


def test_brackets_are_computed_in_integers() -> None:
    assert math.log(243, 3) < 5
    assert len(brackets(243, 3)) == 6
    assert len(brackets(242, 3)) == 5
    for power in (5, 50):
        assert len(brackets(3**power, 3)) == power + 1
        assert len(brackets(3**power - 1, 3)) == power
    huge = 10**30
    assert brackets(huge, 10)[0][0] == (huge, 1)


@given(st.integers(1, 2000), st.integers(2, 12), st.integers(1, 50), st.sampled_from(["ceil", "floor"]))
def test_rungs_are_never_empty_and_grow_in_resource(resource, eta, least, rule) -> None:
    if resource < least:
        return
    found = brackets(resource, eta, rule, least)
    assert [len(bracket) for bracket in found] == list(range(len(found), 0, -1))
    for bracket in found:
        sizes, resources = zip(*bracket, strict=True)
        assert min(sizes) >= 1
        assert resources[0] >= least
        assert resources[-1] == resource
        for i in range(len(bracket) - 1):
            assert sizes[i + 1] == sizes[i] // eta
            assert resources[i] * eta <= resources[i + 1]


def test_integers_of_numpy_are_accepted() -> None:
    found = brackets(np.int64(27), np.int32(3), min_epochs=np.int64(1))
    assert found == brackets(27, 3)
    assert all(type(number) is int for bracket in found for rung in bracket for number in rung)


def test_returned_brackets_are_copies() -> None:
    brackets(9, 3)[0].clear()
    assert brackets(9, 3)[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"R": 2, "min_epochs": 3}, "min_epochs 3, is above the full resource, epochs 2"),
        ({"R": 0}, "Invalid value for epochs: 0. Expected an integer >= 1."),
        ({"R": -3}, "Invalid value for epochs: -3."),
        ({"eta": 1}, "Invalid value for eta: 1. Expected an integer >= 2."),
        ({"eta": -2}, "Invalid value for eta: -2."),
        ({"min_epochs": 0}, "Invalid value for min_epochs: 0. Expected an integer >= 1."),
        ({"rule": "round"}, "Invalid value for rule: round. Expected ceil or floor."),
        ({"rule": None}, "Invalid value for rule: None."),
        ({"rule": ["ceil"]}, "Expected ceil or floor."),
        ({"R": 81.0}, "Invalid value for epochs: 81.0."),
        ({"R": "81"}, "Invalid value for epochs: '81'."),
        ({"R": True}, "Invalid value for epochs: True."),
        ({"R": None}, "Invalid value for epochs: None."),
        ({"eta": 2.5}, "Invalid value for eta: 2.5."),
        ({"min_epochs": 0.5}, "Invalid value for min_epochs: 0.5."),
        ({"R": math.inf}, "Invalid value for epochs: inf."),
    ],
)
def test_invalid_arguments_are_refused(arguments, message) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        brackets(**{"R": 81, "eta": 3, **arguments})
