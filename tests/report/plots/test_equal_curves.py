"""Curves that are equal, or begin alike."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from metaopt.report.plots.equal_curves import Curve, draw_curves, explain_equal

X = np.arange(1.0, 6.0)
FIRST = Curve("a", X, np.array([0.1, 0.2, 0.2, 0.4, 0.5]))
SAME = Curve("b", X, FIRST.y.copy())
ALIKE = Curve("c", X, np.array([0.1, 0.2, 0.2, 0.3, 0.3]))
THIRD = Curve("f", X, np.array([0.1, 0.2, 0.3, 0.3, 0.3]))
OTHER = Curve("d", X, FIRST.y + 1)
EMPTY = Curve("e", np.zeros(0), np.zeros(0))


@pytest.mark.parametrize(
    ("curves", "text"),
    [
        ([FIRST, SAME], " Equal curves: a, b."),
        ([FIRST, OTHER, EMPTY], ""),
        ([FIRST, ALIKE, OTHER], " Equal up to 3 trials: a, c."),
        ([EMPTY, EMPTY], ""),
        ([FIRST, ALIKE, THIRD], " Equal up to 2 trials: a, c, f."),
        ([FIRST, SAME, ALIKE], " Equal curves: a, b. Equal up to 3 trials: a, c."),
    ],
)
def test_explanation(curves: list[Curve], text: str) -> None:
    assert explain_equal(curves, "trials") == text


def test_common_start_is_dashed_and_the_rest_is_not() -> None:
    axes = Figure().add_subplot()
    draw_curves(axes, [FIRST, ALIKE], [{"color": "k"}, {"color": "r"}])
    whole, start, rest = axes.lines
    assert np.asarray(start.get_xdata()).tolist() == [1, 2, 3, 4]
    assert np.asarray(start.get_ydata()).tolist() == [0.1, 0.2, 0.2, 0.2]
    assert np.asarray(rest.get_xdata()).tolist() == [4, 4, 5]
    assert np.asarray(rest.get_ydata()).tolist() == [0.2, 0.3, 0.3]
    assert [line.is_dashed() for line in (whole, start, rest)] == [False, True, False]


def test_each_of_three_equal_curves_is_seen() -> None:
    axes = Figure().add_subplot()
    draw_curves(axes, [FIRST, SAME, Curve("z", X, FIRST.y)], [{"color": colour} for colour in "rgb"])
    dashes = [line._unscaled_dash_pattern[1] for line in axes.lines if len(line.get_xdata())]
    shares = [1.0 if dash is None else dash[0] / sum(dash) for dash in dashes]
    assert shares == [1.0, 0.5, 0.25]
