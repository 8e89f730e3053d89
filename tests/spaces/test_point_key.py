from pathlib import Path

from metaopt.spaces.point_key import point_key


def test_key_order_does_not_count() -> None:
    assert point_key({"a": 1, "b": {"c": 2, "d": 3}}) == point_key({"b": {"d": 3, "c": 2}, "a": 1})
    assert point_key({"a": 1}) != point_key({"a": 2})


def test_tuples_equal_lists() -> None:
    assert point_key({"a": (1, None)}) == point_key({"a": [1, None]}) == '{"a":[1,null]}'


def test_other_objects_are_described_by_their_repr() -> None:
    assert point_key({"a": Path("x")}) == point_key({"a": Path("x")})
    assert point_key({"a": Path("x")}) != point_key({"a": Path("y")})


def test_any_keys_have_a_key_of_their_point() -> None:
    ring: dict[object, object] = {}
    ring["me"] = ring
    points = [{(0, 1): 2}, {b"a": 2}, {1: 2, "a": 3}, {"a": ring}]
    assert len({point_key(point) for point in points}) == len(points)
