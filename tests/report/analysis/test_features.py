"""Features of points: names, levels, positions, and logarithmic axes."""

from typing import Any

import numpy as np
import pytest

from metaopt.report.analysis.features import MISSING, NONE_POSITION, Feature, extract_features, level_text
from metaopt.report.analysis.study_data import StudyData
from metaopt.spaces import Vals
from tests.report.making import make_record


def features(
    points: list[Any], vals: list[dict] | None = None, logarithmic: tuple[str, ...] = ()
) -> dict[str, Feature]:
    drawn = [{}] * len(points) if vals is None else vals
    records = [
        make_record(number, point=point, vals=Vals(values))
        for number, (point, values) in enumerate(zip(points, drawn, strict=True))
    ]
    return {feature.name: feature for feature in extract_features(records, logarithmic).varying}


def test_nested_point_has_a_feature_per_scalar(study: StudyData) -> None:
    extracted = extract_features(study.records)
    found, constant = extracted.varying, extracted.constant
    names = ["rate", "pool", "use_BN", "extra", "block.kind", "block.units"]
    assert sorted(feature.name for feature in found) == sorted(names)
    assert constant == ["seed_size"]
    units = next(feature for feature in found if feature.name == "block.units")
    kinds = next(feature for feature in found if feature.name == "block.kind")
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
        ([0.1, 0.3, 0.3, 0.1, 0.1, 0.3], [0.1, 0.3]),
        ([0.31] * 9 + [0.72, 0.5], []),  # draws, one of which a sampler kept
    ],
)
def test_levels(values: list, levels: list) -> None:
    assert features([{"x": value} for value in values])["x"].levels == levels


def test_rare_levels_are_merged() -> None:
    feature = features([{"x": f"v{i}"} for i in range(30)] + [{"x": "common"}] * 2)["x"]
    assert len(feature.levels) == 12
    assert feature.levels[-1] == "other"
    assert "common" in feature.levels
    assert np.isfinite(feature.positions()).all()


def test_positions_of_numbers_and_none() -> None:
    feature = features([{"x": 0.1}, {"x": None}, {"x": 0.3}, {"x": 0.5}, {}])["x"]
    assert feature.positions()[:4] == pytest.approx([0, NONE_POSITION, 0.5, 1])
    assert np.isnan(feature.positions()[4])


def test_logarithmic_label_of_another_name() -> None:
    points, vals = [{"rate": 1e-4}, {"rate": 1e-3}, {"rate": 1e-2}], [{"lr": 1e-4}, {"lr": 1e-3}, {"lr": 1e-2}]
    feature = features(points, vals, ("lr",))["rate"]
    assert feature.is_logarithmic
    assert feature.positions() == pytest.approx([0, 0.5, 1])
    assert not features(points, [{"lr": 2.0}] * 3, ("lr",))["rate"].is_logarithmic


def test_option_with_hyperparameters_is_a_level() -> None:
    feature = features([{"x": None}, {"x": {"y": 0.1}}, {"x": {"y": 0.7}}])["x"]
    assert feature.levels == [None, "set"]


@pytest.mark.parametrize("point", [0.3, None, {}, [], (0.5, 0.25), [{"a": 1}, {"b": float("inf")}]])
def test_any_point_is_accepted(point: object) -> None:
    features([point, point])
    features([point, {"other": 1}, {"other": 2}])


def test_design_has_levels_or_a_parabola_with_none() -> None:
    choice = features([{"x": "a"}, {"x": "b"}, {"x": "c"}, {}])["x"]
    assert choice.design().tolist() == [[0, 0], [1, 0], [0, 1]]
    number = features([{"x": 0.0}, {"x": None}, {"x": 0.5}, {"x": 1.0}])["x"]
    assert number.design().tolist() == [[0, 0, 0], [0, 0, 1], [0.5, 0.25, 0], [1, 1, 0]]


@pytest.mark.parametrize(
    ("value", "text"), [(None, "none"), (True, "yes"), (0.5, "0.5"), ("a" * 20, "a" * 13 + "…"), ("relu", "relu")]
)
def test_level_text(value: object, text: str) -> None:
    assert level_text(value) == text


@pytest.mark.parametrize(
    ("draw", "is_logarithmic"),
    [
        (lambda u: 10 ** (-5 + 4 * u), True),
        (lambda u: 10 ** (2 * u), True),
        (lambda u: 0.001 + u, False),
        (lambda u: 16 + 500 * u, False),
        (lambda u: u - 0.5, False),
    ],
)
def test_logarithmic_numbers_are_seen_without_the_space(draw, is_logarithmic: bool) -> None:
    points = [{"x": draw((i + 0.5) / 25)} for i in range(25)]
    assert features(points)["x"].is_logarithmic == is_logarithmic
