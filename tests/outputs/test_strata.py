import numpy as np

from metaopt.outputs.strata import merge_small, quantile_strata, rarest_label_strata


def test_quantile_strata_keep_equal_values_together() -> None:
    values = np.repeat([1.0, 2.0, 3.0], [80, 10, 10])
    strata = quantile_strata(values)
    assert len({(value, stratum) for value, stratum in zip(values, strata, strict=True)}) == 3


def test_few_values_are_one_stratum() -> None:
    assert quantile_strata(np.arange(15.0)).tolist() == [0] * 15


def test_the_rarest_label_is_the_stratum() -> None:
    targets = np.zeros((60, 2), np.uint8)
    targets[:40, 0] = 1
    targets[:10, 1] = 1  # rarer
    strata = rarest_label_strata(targets)
    assert np.bincount(strata).tolist() == [20, 30, 10]
    assert len(set(strata[:10])) == 1


def test_small_strata_are_merged() -> None:
    strata = np.repeat([0, 1, 2, 3], [30, 4, 4, 4])
    assert np.bincount(merge_small(strata)).tolist() == [30, 12]
    assert np.bincount(merge_small(np.repeat([0, 1, 2], [30, 20, 4]))).tolist() == [34, 20]
