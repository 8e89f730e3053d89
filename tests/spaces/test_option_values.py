"""Options of choices as plain values."""

import pytest
from hyperopt import hp

from metaopt.errors import UserError
from metaopt.spaces import compile_space
from metaopt.spaces.option_values import find_options, match_option

SPACE = compile_space(
    {
        "plain": hp.choice("plain", [None, 1, True, "relu", 0.5]),
        "nested": hp.choice("nested", ["none", {"units": hp.randint("units", 1, 9)}, {"fixed": 2}, [3, 3], print]),
    }
)


def test_options_are_plain_values_that_differ() -> None:
    assert find_options(SPACE) == {
        "plain": (None, 1, "option 2", "relu", 0.5),
        "nested": ("none", "option 1", '{"fixed": 2}', "[3, 3]", "option 4"),
    }


@pytest.mark.parametrize(
    ("label", "value", "index"),
    [("plain", None, 0), ("plain", 1, 1), ("plain", "1", 1), ("plain", "None", 0), ("nested", [3, 3], 3)],
)
def test_an_option_is_found_by_itself_and_by_its_text(label: str, value, index: int) -> None:
    assert match_option(label, find_options(SPACE)[label], value) == index


def test_an_unknown_option_gets_a_hint() -> None:
    with pytest.raises(UserError, match=r"plain is 'relo', which is none of its options\. Did you mean relu\?"):
        match_option("plain", find_options(SPACE)["plain"], "relo")
