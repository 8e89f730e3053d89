"""Ranges of good values."""

from math import exp, inf, log

import numpy as np
import pytest

from metaopt.spaces.best_ranges import kept_share, narrow_range
from metaopt.spaces.distributions import Distribution

FEW = [3.0, 4.0, 5.0]


def test_ends_are_widened_by_the_unbiased_estimate() -> None:
    """Of three values, half their range is added at either end."""
    assert narrow_range(Distribution("uniform", (0, 10)), FEW) == Distribution("uniform", (2.0, 6.0))


def test_ends_are_unbiased_on_average() -> None:
    rng = np.random.default_rng(0)
    prior = Distribution("uniform", (0, 10))
    found = [narrow_range(prior, rng.uniform(4, 6, 8)).args for _ in range(2000)]
    assert np.mean(found, axis=0) == pytest.approx([4, 6], abs=0.03)


def test_ends_are_rounded_outwards_to_three_digits() -> None:
    low, high = narrow_range(Distribution("loguniform", (log(1e-5), log(1))), [0.00123456, 0.0023456]).args
    assert exp(low) == pytest.approx(0.000649)
    assert exp(high) == pytest.approx(0.00446)


def test_the_earlier_range_is_never_left() -> None:
    assert narrow_range(Distribution("uniform", (2.9, 30)), FEW).args == (2.9, 6.0)


@pytest.mark.parametrize(
    ("prior", "best", "bounds"),
    [
        (Distribution("uniformint", (0.501, 30.499)), [7, 7, 8], (6, 9)),
        (Distribution("quniform", (0, 100, 5)), [40.0, 45.0, 45.0], (35, 50)),
        (Distribution("qloguniform", (log(0.501), log(160.499), 1)), [20.0, 30.0, 25.0], (16, 37)),
        (Distribution("qloguniform", (log(0.1), log(20), 1)), [0.0, 1.0, 1.0], (0, 2)),
        (Distribution("qlognormal", (0, 2, 1)), [0.0, 1.0, 1.0], (0, 2)),
        (Distribution("qnormal", (0, 30, 2)), [4.0, 6.0, 8.0], (2, 10)),
    ],
)
def test_rounded_numbers_keep_a_step_at_either_end(prior, best, bounds) -> None:
    narrowed = narrow_range(prior, best)
    narrowed.check("label")
    assert narrowed.bounds == bounds
    assert all(narrowed.match(value) == value for value in best)


@pytest.mark.parametrize(("name", "bounded"), [("normal", "uniform"), ("lognormal", "loguniform")])
def test_an_unbounded_distribution_becomes_uniform(name, bounded) -> None:
    prior = Distribution(name, (1, 2))
    narrowed = narrow_range(prior, FEW)
    assert narrowed.name == bounded
    assert prior.bounds[1] == inf > narrowed.bounds[1]
    assert 0 < kept_share(prior, narrowed) < 0.8


def test_a_range_that_is_hardly_narrower_is_none() -> None:
    assert narrow_range(Distribution("uniform", (0, 10)), [0.5, 5.0, 9.0, 3.0, 4.0]) is None
