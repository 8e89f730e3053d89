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
        "nested": ("none", "units=…", "fixed=2", "[3, 3]", "option 4"),
    }


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (
            [{"share": 0.0}, {"share": hp.uniform("a", 0, 1), "rate": hp.uniform("b", 0, 1)}],
            ["share=0", "rate=…, share=…"],
        ),
        # Constants tell options apart; where they do not, hyperparameters do.
        ([{"type": "conv", "n": hp.randint("n", 3)}, {"type": "pool", "n": 2}], ["type=conv", "n=2, type=pool"]),
        ([{"type": "conv", "n": hp.randint("n", 3)}, {"type": "conv", "m": 2}], ["type=conv", "m=2, type=conv"]),
        ([{"a": hp.randint("n", 3)}, {"a": hp.randint("m", 4)}], ["a=…", "option 1"]),
        ([{"a": "x" * 50}, {}], ["option 0", "{}"]),
    ],
)
def test_a_dict_is_named_by_what_it_holds(options, names) -> None:
    assert list(find_options(compile_space(hp.choice("choice", options)))["choice"]) == names


@pytest.mark.parametrize(
    ("label", "value", "index"),
    [("plain", None, 0), ("plain", 1, 1), ("plain", "1", 1), ("plain", "None", 0), ("nested", [3, 3], 3)]
    # A dict by its name, by itself, by its JSON, and by what earlier versions called it.
    + [("nested", name, 1) for name in ("units=…", "option 1")]
    + [("nested", name, 2) for name in ("fixed=2", {"fixed": 2}, '{"fixed": 2}')],
)
def test_an_option_is_found_by_itself_and_by_its_text(label: str, value, index: int) -> None:
    assert match_option(label, find_options(SPACE)[label], value) == index


def test_an_unknown_option_gets_a_hint() -> None:
    with pytest.raises(UserError, match=r"plain is 'relo', which is none of its options\. Did you mean relu\?"):
        match_option("plain", find_options(SPACE)["plain"], "relo")
