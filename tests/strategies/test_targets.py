"""Transformed losses."""

import numpy as np
import pytest

from metaopt.strategies.targets import LossScale, standardise


def test_order_is_kept_and_good_losses_keep_their_distances() -> None:
    losses = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 50.0])
    found = standardise(losses)
    assert (np.diff(found) > 0).all()
    assert np.diff(found[:4]) == pytest.approx(np.diff(found[:4])[0])
    assert found.mean() == pytest.approx(0)
    assert found.std() == pytest.approx(1)
    assert found[6] - found[3] < 10 * (found[3] - found[0]), "an outlier squeezes the others together"


def test_units_of_losses_do_not_matter() -> None:
    losses = np.random.default_rng(0).normal(size=20)
    assert standardise(losses * 1000 + 7) == pytest.approx(standardise(losses))


def test_standardised_losses_are_restored() -> None:
    losses = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 50.0])
    scale = LossScale.of(losses)
    assert scale.restore(standardise(losses)) == pytest.approx(losses)
    difference = np.diff(standardise(losses)[:2])[0]
    assert difference * scale.unit == pytest.approx(0.1)


@pytest.mark.parametrize("losses", [[np.nan, np.inf], [1.0], [2.0, 2.0, 2.0], [1.0, np.nan]])
def test_failures_and_equal_losses_are_finite(losses) -> None:
    assert np.isfinite(standardise(np.array(losses))).all()


def test_failures_are_as_bad_as_the_worst() -> None:
    found = standardise(np.array([0.1, 0.9, np.nan, np.inf]))
    assert found[1] == found[2] == found[3] > found[0]
