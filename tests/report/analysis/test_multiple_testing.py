"""Holm's correction, against known values."""

import pytest

from metaopt.report.analysis.multiple_testing import holm


def test_holm() -> None:
    # The example of pingouin's holm().
    adjusted = holm([0.50, 0.003, 0.32, 0.054, 0.0003])
    assert adjusted == pytest.approx([0.64, 0.012, 0.64, 0.162, 0.0015])
    assert holm([]) == []
    assert holm([0.04]) == [0.04]
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([0.01, 0.01, 0.01]) == pytest.approx([0.03] * 3)
