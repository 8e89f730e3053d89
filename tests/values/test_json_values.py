"""JSON of any Python object."""

import enum
import json
import math
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaopt.values.json_values import dump_json, to_json_value


class Number(enum.IntEnum):
    THREE = 3


class Text(str):
    def __str__(self) -> str:
        raise ValueError

    __hash__ = str.__hash__


class EndlessDict(dict):
    def items(self):
        while True:
            yield "a", 1


class EndlessList(list):
    def __iter__(self):
        while True:
            yield 1


class NotWhatItSays:
    __class__ = property(lambda self: 1 / 0)

    def __getattr__(self, name: str) -> None:
        raise SystemExit(name)

    def __repr__(self) -> str:
        raise MemoryError


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": (1, 2.5, None, True)}, {"a": [1, 2.5, None, True]}),
        ([math.nan, math.inf, -math.inf], [None, None, None]),
        (np.float64(0.25), 0.25),
        (np.longdouble("0.5"), 0.5),
        (np.longdouble("1e400"), None),
        (np.array([3]), 3),
        (np.arange(2), "array([0, 1])"),
        ({1}, "{1}"),
        (b"\xff", "b'\\xff'"),
        (10**400, hex(10**400)),
        (Number.THREE, 3),
        (Text("text"), "text"),
        (EndlessDict(a=2), {"a": 2}),
        (EndlessList([2]), [2]),
        (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        (Path("x"), repr(Path("x"))),
    ],
)  # fmt: skip
def test_other_types_become_json_types(value, expected):
    assert to_json_value(value) == expected
    assert type(to_json_value(value)) is type(expected)
    assert json.loads(dump_json(value)) == expected


def test_an_object_that_misbehaves_is_named_by_its_class():
    assert to_json_value({"a": NotWhatItSays()}) == {"a": "<NotWhatItSays>"}


def test_keys_become_text_as_json_writes_them():
    ordinary = {None: 1, True: 2, 3: 4, 0.5: 5, Number.THREE + 1: 6, "text": 7}
    assert to_json_value(ordinary) == json.loads(json.dumps(ordinary))
    others = {np.int64(0): 1, (0, 1): 2, b"a": 3, np.float32(0.5): 4, Text("b"): 5, frozenset({1}): 6}
    assert list(to_json_value(others)) == ["0", "(0, 1)", "b'a'", "0.5", "b", "frozenset({1})"]


def test_keys_of_equal_text_stay_apart():
    class Same:
        def __repr__(self):
            return "same"

    assert to_json_value({1: "a", "1": "b", None: "c", "null": "d"}) == {
        "1 (int)": "a", "1": "b", "null (NoneType)": "c", "null": "d",
    }  # fmt: skip
    assert list(to_json_value({Same(): 1, Same(): 2, Same(): 3})) == ["same", "same (Same)", "same (Same 2)"]


def test_cycles_and_deep_values_end():
    ring = {"list": []}
    ring["list"].append(ring)
    assert to_json_value(ring) == {"list": ["{...}"]}
    deep = []
    for _ in range(100_000):
        deep = [deep]
    assert "[...]" in dump_json(deep).decode()
    twice = [1]
    assert to_json_value([twice, twice]) == [[1], [1]]  # equal is not within


def test_shared_containers_cannot_multiply():
    bomb = [1]
    for _ in range(50):
        bomb = [bomb, bomb]
    assert len(dump_json(to_json_value(bomb, max_items=1000))) < 100_000


def test_what_is_left_out_is_said():
    assert to_json_value(list(range(10)), max_items=3) == [0, 1, 2, "… (7 more)"]
    assert to_json_value({"a": 1, "b": 2, "c": 3}, max_items=2) == {"a": 1, "b": 2, "…": "1 more"}
    assert to_json_value("abcdef", max_characters=2) == "ab… (4 more characters)"


def test_undecodable_names_are_read_as_they_were():
    name = "caf\udce9"
    assert json.loads(dump_json({name: name})) == {name: name}
    assert json.loads(dump_json("\ud83d\ude00")) == to_json_value("\ud83d\ude00") == "😀"


_KEYS = st.one_of(
    st.text(), st.integers(), st.floats(), st.booleans(), st.none(), st.binary(), st.tuples(st.integers(), st.text())
)
_LEAVES = st.one_of(
    _KEYS, st.characters(categories=("Cs",)), st.complex_numbers(), st.datetimes(), st.integers(min_value=10**300)
)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(st.lists(inner), st.tuples(inner, inner), st.dictionaries(_KEYS, inner), st.sets(_KEYS)),
)


@pytest.mark.slow
@given(_VALUES)
def test_any_value_is_written_and_read_again(value):
    plain = to_json_value(value)
    assert json.loads(dump_json(value)) == plain
    assert to_json_value(plain) == plain


_PLAIN = st.recursive(
    st.one_of(
        st.text(), st.integers(-(2**1000), 2**1000), st.floats(allow_nan=False, allow_infinity=False), st.none(),
        st.booleans(),
    ),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
)  # fmt: skip


@pytest.mark.slow
@given(_PLAIN)
def test_ordinary_values_are_written_as_json_dumps_does(value):
    for indent, separators in ((None, None), (1, None), (None, (",", ":"))):
        text = json.dumps(value, indent=indent, separators=separators, ensure_ascii=False)
        assert dump_json(value, indent=indent, compact=separators is not None) == text.encode()
