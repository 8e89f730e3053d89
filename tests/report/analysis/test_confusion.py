"""The most frequent confusions of classes."""

import numpy as np

from metaopt.report.analysis.confusion import Confusion, find_confusions


def test_most_frequent_confusions_come_first() -> None:
    counts = np.array([[5, 1, 0, 2], [3, 4, 0, 0], [0, 0, 9, 0]])
    assert find_confusions(counts, "abc") == [Confusion("b", "a", 3, 7), Confusion("a", "b", 1, 8)]
    assert len(find_confusions(counts, "abc", most=1)) == 1
    assert find_confusions(np.eye(2, 3, dtype=int), "ab") == []
