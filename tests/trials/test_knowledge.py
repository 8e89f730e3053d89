"""Points that are known before a search, and the order in which they are tried."""

from metaopt.spaces import Vals
from metaopt.trials.knowledge import Knowledge, KnownPoint, next_start


def point(x: float, loss: float | None = None, resource: int = 9) -> KnownPoint:
    return KnownPoint(Vals({"x": x}), loss, resource)


def study(*points: KnownPoint, begin: int = 0) -> Knowledge:
    return Knowledge("earlier", "id", points, 9, begin)


def test_the_three_best_points_of_a_study_are_tried() -> None:
    known = study(point(0.1, 0.4), point(0.2, 0.1), point(0.3, 0.3), point(0.4, 0.2))
    assert [vals["x"] for vals in known.starts()] == [0.2, 0.4, 0.3]


def test_points_trained_to_r_are_tried_before_luckier_ones_of_low_rungs() -> None:
    known = study(point(0.1, 0.4), point(0.2, 0.1, resource=2))
    assert [vals["x"] for vals in known.starts()] == [0.1]
    assert [vals["x"] for vals in study(point(0.2, 0.1, resource=2)).starts()] == [0.2]


def test_sources_follow_each_other_and_end() -> None:
    default = Knowledge("default", None, (point(0.5), point(0.6)))
    known = [default, study(point(0.1, 0.4))]
    starts = [next_start(known, number) for number in range(5)]
    assert [vals["x"] if vals else None for vals in starts] == [0.5, 0.6, 0.1, None, None]


def test_what_becomes_known_later_is_tried_from_then_on() -> None:
    known = [study(point(0.1, 0.4), begin=7)]
    assert next_start(known, 6) is None
    assert next_start(known, 7) == {"x": 0.1}
    assert next_start(known, 8) is None
