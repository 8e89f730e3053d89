"""Statistics, against published formulas, resampling and other libraries."""

import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import precision_score

from metaopt.report.analysis.features import Feature, extract_features
from metaopt.report.analysis.statistics import (
    Effect,
    association,
    corrected,
    macro_precision_interval,
    marginal_effect,
    wilson_interval,
)
from tests.report.making import make_record


def test_wilson_interval_by_the_published_formula() -> None:
    n, k, z = 360, 351, 1.959963984540054
    p = k / n
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert wilson_interval(p, n) == pytest.approx((centre - half, centre + half))
    assert wilson_interval(1.0, 10)[1] == 1.0
    assert wilson_interval(1.0, 10)[0] < 0.75


@pytest.mark.slow
def test_macro_precision_interval_agrees_with_resampling() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 200)
    predicted = np.where(rng.random(200) < 0.7, labels, rng.integers(0, 4, 200))
    samples = []
    for _ in range(400):
        chosen = rng.integers(0, 200, 200)
        samples.append(precision_score(labels[chosen], predicted[chosen], average="macro", zero_division=0))
    low, high = macro_precision_interval(labels, predicted)
    assert (low, high) == pytest.approx(np.quantile(samples, [0.025, 0.975]), abs=0.012)
    assert macro_precision_interval(labels, predicted) == (low, high)
    assert macro_precision_interval(labels, labels) == (1.0, 1.0)
    with pytest.raises(ValueError, match="one label and one prediction"):
        macro_precision_interval(labels, predicted[:3])


def features(points: list[dict]) -> dict[str, Feature]:
    found = extract_features([make_record(number, point=point) for number, point in enumerate(points)])
    return {feature.name: feature for feature in found.varying}


def effects(points: list[dict], losses: np.ndarray) -> dict[str, Effect]:
    return {name: marginal_effect(feature, losses) for name, feature in features(points).items()}


def test_effects_of_noise_are_not_significant() -> None:
    rng = np.random.default_rng(1)
    n = 60
    points = [
        {"hump": x, "kind": k, "noise": z, "many": m}
        for x, k, z, m in zip(
            rng.random(n), rng.choice(["a", "b", "c"], n), rng.random(n), rng.choice(list("qrstuvwx"), n), strict=True
        )
    ]
    losses = np.array([4 * (p["hump"] - 0.5) ** 2 + 0.5 * (p["kind"] == "b") for p in points])
    losses += 0.05 * rng.normal(size=n)
    found = effects(points, losses)
    assert found["hump"].share > 0.3  # a rank correlation would be near 0
    assert found["kind"].share > 0.15
    assert found["hump"].is_significant
    assert found["kind"].is_significant
    assert not found["noise"].is_significant
    assert not found["many"].is_significant
    assert max(found["noise"].share, found["many"].share) < 0.1


def test_effect_of_a_conditional_hyperparameter() -> None:
    points = [{"x": i / 19, "y": {"z": i / 19} if i < 5 else {}} for i in range(20)]
    found = effects(points, np.arange(20.0))
    assert found["x"].share == pytest.approx(1.0)
    assert found["y.z"].n_trials == 5
    assert math.isnan(found["y.z"].share)
    assert not found["y.z"].is_significant
    assert effects(points, np.ones(20))["x"].share == 0.0


def test_association_measures() -> None:
    rng = np.random.default_rng(0)
    x = rng.random(50)
    points = [{"x": v, "twice": 2 * v, "kind": "abc"[int(v * 3)], "same": "rst"[int(v * 3)]} for v in x]
    found = features(points)
    twice, kind, same = (association(found[a], found[b]) for a, b in (("x", "twice"), ("kind", "x"), ("kind", "same")))
    assert [each.symbol for each in (twice, kind, same)] == ["ρ", "η", "V"]
    assert [twice.value, same.value] == pytest.approx([1.0, 1.0])
    # The correlation ratio of the ranks by its definition.
    ranks = stats.rankdata(x)
    groups = [ranks[(x * 3).astype(int) == level] for level in range(3)]
    between = sum(len(group) * (group.mean() - ranks.mean()) ** 2 for group in groups)
    assert kind.value == pytest.approx(math.sqrt(between / np.sum((ranks - ranks.mean()) ** 2)))
    assert max(each.p_value for each in (twice, kind, same)) < 1e-6
    assert {each.n_trials for each in (twice, kind, same)} == {50}


def test_association_needs_twenty_trials() -> None:
    for n in (19, 20):
        found = features([{"x": i / n, "y": (i * i) / n} for i in range(n)])
        assert math.isnan(association(found["x"], found["y"]).value) == (n == 19)


def test_corrected_tests_keep_those_without_a_p_value() -> None:
    tests = [Effect(0.1, 0.02, 30), Effect(math.nan, math.nan, 5), Effect(0.2, 0.04, 30)]
    found = corrected(tests)
    assert [effect.p_value for effect in (found[0], found[2])] == pytest.approx([0.04, 0.04])
    assert math.isnan(found[1].p_value)
    assert found[1].n_missing == 15
