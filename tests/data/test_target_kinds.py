"""Kinds of targets that the user names, and checks of targets in arrays."""

import numpy as np
import pytest

from metaopt.data.target_kinds import check_new_heads, check_numbers, parse_targets
from metaopt.errors import UserError


def test_targets_are_heads_with_kinds() -> None:
    assert parse_targets(["age:number", "a:b:labels"]) == {"age": "number", "a:b": "labels"}


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["age"], "Expected HEAD:KIND"),
        (["age:numbr"], "Did you mean number"),
        (["age:number", "age:classes"], "Several values for target name age"),
        ([":number"], "Expected HEAD:KIND"),
    ],
)
def test_invalid_targets_are_named(texts: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse_targets(texts)


@pytest.mark.parametrize("head", ["my kind", "größe", "a.b", ""])
def test_names_that_tensorflow_refuses_are_refused_before_data_are_used(head: str) -> None:
    check_new_heads(["label", "Age_2", "a-b"], "pets")
    with pytest.raises(UserError, match=f"Invalid name of a target in pets: {head}. Expected the letters A to Z"):
        check_new_heads(["label", head], "pets")


def test_a_text_among_numbers_is_named_with_row_and_column() -> None:
    table = np.array([["1", "2.5"], ["3", "tall"]])
    with pytest.raises(UserError, match="Text among the numbers of y_train: row 1, column width is 'tall'"):
        check_numbers(table, 2, "y_train", ["height", "width"])
    with pytest.raises(UserError, match=r"texts\. Expected numbers: convert them with astype\(float\)"):
        check_numbers(table[:1], 1, "y_train", [])
