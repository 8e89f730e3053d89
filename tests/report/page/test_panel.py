"""Parts of panels."""

import pytest

from metaopt.report.page.panel import legend_note
from metaopt.report.plots.score_axis import ScoreAxis


@pytest.mark.parametrize(
    ("n_outside", "note"),
    [
        (0, ""),
        (1, " 1 value is outside the axis; zoom out to see it."),
        (3, " 3 values are outside the axis; zoom out to see them."),
    ],
)
def test_values_outside_the_axis_are_told(n_outside: int, note: str) -> None:
    assert legend_note(ScoreAxis("accuracy", (0.0, 1.0), True, False, n_outside)) == note
