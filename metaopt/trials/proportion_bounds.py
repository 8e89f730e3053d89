"""One-sided confidence bounds of a proportion, by Clopper and Pearson.

C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
Biometrika 26 (1934), 404–413.
"""

import math
from functools import lru_cache


@lru_cache(maxsize=65_536)  # every epoch of a study is judged again whenever the study is read
def lower_bound(hits: float, total: float, confidence: float) -> float:
    """Return the exact one-sided lower confidence bound of a proportion.

    It is the quantile at 1 − ``confidence`` of Beta(hits, total − hits + 1): the smallest proportion at which so many
    hits, or more, have a probability of 1 − ``confidence``.

    Args:
        hits: number of hits, 0 to ``total``; a mean over repeats may be no integer.
        total: number of trials; without any, the bound is 0.
        confidence: between 0 and 1.
    """
    if hits <= 0:
        return 0.0
    from scipy.special import betaincinv  # the quantile of scipy.stats.beta, without its checks

    return float(betaincinv(hits, total - hits + 1, 1 - confidence))


def images_needed(bound: float, confidence: float) -> int:
    """Return the smallest number of trials, all of them hits, whose lower bound reaches a proportion below 1.

    The lower bound of n hits among n is (1 − confidence)^(1/n).
    """
    if bound <= 0:
        return 1
    n = max(1, math.ceil(math.log1p(-confidence) / math.log(bound)) - 1)  # one less, against rounding
    while lower_bound(n, n, confidence) < bound:
        n += 1
    return n
