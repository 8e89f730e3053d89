"""Running quartiles: on a line, of too few trials, and of an option."""

import numpy as np

from metaopt.report.analysis.statistics import MIN_TRIALS
from metaopt.report.analysis.trends import MIN_OF_OPTION, quartiles, running_quartiles


def test_the_running_median_follows_a_line() -> None:
    positions = np.linspace(0, 1, 400)
    trend = running_quartiles(positions, 2 * positions)
    assert trend is not None
    inner = (trend.at > 0.25) & (trend.at < 0.75)
    np.testing.assert_allclose(trend.median[inner], 2 * trend.at[inner], atol=0.02)
    assert (trend.low <= trend.median).all()
    assert (trend.median <= trend.high).all()


def test_too_few_trials_have_no_trend() -> None:
    n = MIN_TRIALS - 1
    assert running_quartiles(np.linspace(0, 1, n), np.zeros(n)) is None
    assert running_quartiles(np.linspace(0, 1, n + 1), np.zeros(n + 1)) is not None


def test_an_option_needs_five_trials() -> None:
    assert quartiles(np.arange(MIN_OF_OPTION - 1.0)) is None
    assert quartiles(np.arange(5.0)) == (1.0, 2.0, 3.0)
