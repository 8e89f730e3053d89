"""Points that record what is read of them, and otherwise are dicts."""

import copy
import json
import pickle

import pytest

from metaopt.problems.reads import Reads

POINT = {"units": 3, "lr": 0.1, "block": {"kernel": 5, "pad": 1}, "stack": ({"width": 2}, {"width": 4, "gate": None})}
ALL = {"units", "lr", "block", "stack"}


@pytest.mark.parametrize(
    ("read", "keys"),
    [
        (lambda point: point["units"], {"units"}),
        (lambda point: point.get("units", 3), {"units"}),
        (lambda point: point.get("absent"), set()),
        (lambda point: point["block"]["kernel"], {"block", "block.kernel"}),
        (lambda point: [each["width"] for each in point["stack"]], {"stack", "stack.width"}),
        (lambda point: point.pop("lr"), {"lr"}),
        (lambda point: point.setdefault("lr", 3), {"lr"}),
        (lambda point: [repr(point), len(point), bool(point), point == POINT, "lr" in point], set()),
    ],
)
def test_single_reads_are_recorded(read, keys) -> None:
    reads = Reads()
    read(reads.record(POINT))
    assert (reads.read, reads.copied) == (keys, set())
    assert reads.known == ALL | {"block.kernel", "block.pad", "stack.width", "stack.gate"}


@pytest.mark.parametrize(
    "copied",
    [
        lambda point: {**point},
        dict,
        lambda point: (lambda **keys: keys)(**point),
        lambda point: point.copy(),
        lambda point: point | {},
        lambda point: {} | point,
        lambda point: dict(point.items()),
        lambda point: {key: point[key] for key in point},
        lambda point: dict(zip(point.keys(), point.values(), strict=True)),
    ],
)
def test_copies_are_told_from_single_reads(copied) -> None:
    reads = Reads()
    found = copied(reads.record(POINT))
    assert found == POINT
    assert type(found) is dict
    assert (reads.read, reads.copied) == (set(), ALL)
    assert reads.unread(whole=True) == {"block.kernel", "block.pad", "stack.width", "stack.gate"}
    found["block"]["pad"]
    assert reads.read == {"block.pad"}


def test_a_recorded_point_behaves_as_the_dict() -> None:
    point = Reads().record(POINT)
    assert isinstance(point, dict)
    assert point == POINT
    assert point == POINT
    assert json.loads(json.dumps(point)) == json.loads(json.dumps(POINT))
    for duplicate in (pickle.loads(pickle.dumps(point)), copy.deepcopy(point)):
        assert (duplicate, type(duplicate), type(duplicate["block"])) == (POINT, dict, dict)
    assert list(point) == list(POINT)
    assert sorted(point, reverse=True) == sorted(POINT, reverse=True)
    with pytest.raises(KeyError, match="unit"):
        point["unit"]
    point["new"] = 1
    point.update(units=9)
    del point["lr"]
    assert (point["new"], point["units"], "lr" in point) == (1, 9, False)
    assert POINT["units"] == 3
    match point:
        case {"units": units}:
            assert units == 9
        case _:
            raise AssertionError


def test_points_that_are_no_dicts_stay() -> None:
    assert Reads().record(0.5) == 0.5
    assert Reads().record((1, 2)) == (1, 2)


def test_keys_below_an_unread_key_are_left_out() -> None:
    reads = Reads()
    reads.record(POINT)["units"]
    assert reads.unread() == {"lr", "block", "stack"}
