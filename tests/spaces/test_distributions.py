import math

import numpy as np
import pytest
from hyperopt import hp
from hyperopt.pyll.stochastic import sample
from scipy import stats

from metaopt.spaces import Distribution, compile_space
from tests.spaces.examples import every_distribution

SPACE = compile_space(every_distribution())
NAMES = [parameter.label for parameter in SPACE.parameters]
DRAWS = 2000


@pytest.fixture(scope="module")
def ours() -> dict[str, list[float]]:
    rng = np.random.default_rng(1)
    draws = [SPACE.draw(rng) for _ in range(DRAWS)]
    return {name: [draw[name] for draw in draws] for name in NAMES}


@pytest.fixture(scope="module")
def theirs() -> dict[str, list[float]]:
    """Draws of hyperopt: label → values, with the indices of options."""
    rng = np.random.default_rng(2)
    space = every_distribution()
    points = [sample(space, rng) for _ in range(DRAWS)]
    found: dict[str, list[float]] = {}
    for name in NAMES:
        values = [point[name.replace("_", " ")] for point in points]
        options = {"choice": ["a", "b", None], "pchoice": ["x", "y", "z"]}.get(name)
        found[name] = [options.index(value) for value in values] if options else values
    return found


@pytest.mark.parametrize("name", NAMES)
def test_prior_has_the_distribution_of_hyperopt(
    name: str, ours: dict[str, list[float]], theirs: dict[str, list[float]]
) -> None:
    assert stats.ks_2samp(ours[name], theirs[name]).pvalue > 0.005


@pytest.mark.parametrize("name", NAMES)
def test_draws_are_plain_numbers_within_the_bounds(name: str, ours: dict[str, list[float]]) -> None:
    distribution = SPACE.by_label[name].distribution
    low, high = distribution.bounds
    assert all(low <= value <= high for value in ours[name])
    assert {type(value) for value in ours[name]} == {int if distribution.is_integer else float}
    assert all(distribution.match(value) == value for value in ours[name])


@pytest.mark.parametrize("name", NAMES)
def test_draws_reach_both_bounds_of_a_small_range(name: str, ours: dict[str, list[float]]) -> None:
    distribution = SPACE.by_label[name].distribution
    low, high = distribution.bounds
    if distribution.step is not None and math.isfinite(high - low):
        assert min(ours[name]) == low
        assert max(ours[name]) == high


@pytest.mark.parametrize(
    ("name", "args", "bounds"),
    [
        ("choice", (4,), (0, 3)),
        ("pchoice", (0.5, 0.5), (0, 1)),
        ("randint", (5, 9), (5, 8)),
        ("uniformint", (1, 9), (1, 9)),
        ("uniform", (-1, 2), (-1, 2)),
        ("quniform", (0.501, 4.499, 1), (1, 4)),
        ("quniform", (100, 700, 5), (100, 700)),
        ("quniform", (1, 9, 4), (0, 8)),  # 1/4 rounds to 0 and 9/4 to 2: draws of hyperopt may be outside the bounds
        ("loguniform", (0, 1), (1, math.e)),
        ("qloguniform", (0, 3, 4), (0, 20)),
        ("normal", (0, 1), (-math.inf, math.inf)),
        ("lognormal", (0, 1), (0, math.inf)),
    ],
)
def test_bounds_of_distributions(name: str, args: tuple[float, ...], bounds: tuple[float, float]) -> None:
    assert Distribution(name, args).bounds == pytest.approx(bounds)


@pytest.mark.parametrize(
    ("name", "args", "value", "matched"),
    [
        ("uniform", (0, 0.35), 0.35 + 1e-12, 0.35),  # a rounding error
        ("uniform", (0, 0.35), 0.36, None),
        ("uniform", (0, 1), True, None),
        ("uniform", (0, 1), "0.5", None),
        ("uniform", (0, 1), float("nan"), None),
        ("quniform", (100, 700, 5), 340, 340.0),
        ("quniform", (100, 700, 5), 341, None),
        ("quniform", (0, 1, 0.1), 0.3, pytest.approx(0.3)),
        ("uniformint", (1, 9), 9.0, 9),
        ("randint", (2, 5), 5, None),
        ("choice", (3,), 2, 2),
        ("lognormal", (0, 1), 0.0, None),
        ("qlognormal", (0, 1, 2), 0.0, 0.0),
        ("normal", (0, 1), np.float64(7.5), 7.5),
    ],
)
def test_match_accepts_rounding_errors_only(name: str, args: tuple[float, ...], value: object, matched: object) -> None:
    assert Distribution(name, args).match(value) == matched


def test_draws_of_a_huge_lognormal_are_finite() -> None:
    draw = compile_space({"x": hp.lognormal("x", 0, 700)}).draw
    rng = np.random.default_rng(0)
    assert all(math.isfinite(draw(rng)["x"]) for _ in range(100))


def test_to_unit_inverts_the_quantile_function() -> None:
    rng = np.random.default_rng(12)
    for parameter in SPACE.parameters:
        distribution = parameter.distribution
        quantile = distribution.make_quantile_function()
        for unit in rng.random(100):
            value = quantile(unit)
            assert quantile(distribution.to_unit(value)) == pytest.approx(value)
            if distribution.step is None:
                assert distribution.to_unit(value) == pytest.approx(unit)
