import numpy as np
import pytest

from metaopt.report.analysis.features import MISSING, NONE_AT, columns_of
from tests.report.making import Record


def columns(points: list, vals: list | None = None, logarithmic: tuple[str, ...] = ()) -> dict:
    records = [{"space": point, "vals": (vals or [{}] * len(points))[i]} for i, point in enumerate(points)]
    return {column.name: column for column in columns_of(records, logarithmic)[0]}


def test_a_nested_point_has_a_column_per_scalar(records: list[Record]) -> None:
    found, constant = columns_of(records)
    names = ["rate", "pool", "use_BN", "extra", "block.kind", "block.units"]
    assert sorted(column.name for column in found) == sorted(names)
    assert constant == ["seed_size"]
    units = next(column for column in found if column.name == "block.units")
    kinds = next(column for column in found if column.name == "block.kind")
    assert [value is MISSING for value in units.values] == [kind == "plain" for kind in kinds.values]


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        (["b", "a", "b"], ["a", "b"]),
        ([True, False, True], ["no", "yes"]),
        ([3, None, 4.0], [None, 3, 4.0]),  # close whole numbers are options
        ([64, 256, 64, 64, 256, 256], [64, 256]),  # far apart, but repeated
        ([(3, 3), (5, 5), (3, 3)], ["3×3", "5×5"]),  # a kernel's size is one value
        ([1.0, "auto", 2.0], [1.0, 2.0, "auto"]),
        ([0.31, 0.72, 0.5], []),  # numbers along an axis
        ([100.0, 340.0, 655.0], []),
        ([None, 0.3, 0.9], []),
    ],
)
def test_what_is_drawn_as_levels(values: list, levels: list) -> None:
    assert columns([{"x": value} for value in values])["x"].levels == levels


def test_rare_levels_are_summed_up() -> None:
    column = columns([{"x": f"v{i}"} for i in range(30)] + [{"x": "common"}] * 2)["x"]
    assert len(column.levels) == 12
    assert column.levels[-1] == "other"
    assert "common" in column.levels
    assert np.isfinite(column.places()).all()


def test_numbers_fill_the_axis_and_none_stands_apart() -> None:
    column = columns([{"x": 0.1}, {"x": None}, {"x": 0.3}, {"x": 0.5}, {}])["x"]
    assert column.places()[:4] == pytest.approx([0, NONE_AT, 0.5, 1])
    assert np.isnan(column.places()[4])
    assert column.ticks()[1][0] == "none"


def test_a_label_says_that_a_key_of_another_name_is_logarithmic() -> None:
    points, vals = [{"rate": 1e-4}, {"rate": 1e-3}, {"rate": 1e-2}], [{"lr": 1e-4}, {"lr": 1e-3}, {"lr": 1e-2}]
    column = columns(points, vals, ("lr",))["rate"]
    assert column.logarithmic
    assert column.places() == pytest.approx([0, 0.5, 1])
    assert column.ticks()[1] == ["0.0001", "0.0005", "0.002", "0.01"] or len(column.ticks()[1]) >= 2
    assert not columns(points, [{"lr": 2.0}] * 3, ("lr",))["rate"].logarithmic


def test_an_option_that_holds_hyperparameters_is_a_level_beside_none() -> None:
    column = columns([{"x": None}, {"x": {"y": 0.1}}, {"x": {"y": 0.7}}])["x"]
    assert column.levels == [None, "set"]


@pytest.mark.parametrize("point", [0.3, None, {}, [], (0.5, 0.25), [{"a": 1}, {"b": float("inf")}]])
def test_any_point_is_taken(point: object) -> None:
    columns([point, point])
    columns([point, {"other": 1}, {"other": 2}])
