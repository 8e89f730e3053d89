"""Scores of folds: their mean, its standard error, and the comparison of two trials after the first ones."""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import stdtr

from metaopt.trials.objective import Metrics
from metaopt.trials.share_limits import is_count


def mean_of_folds(folds: Sequence[Metrics], n_folds: int) -> Metrics:
    """Return the mean of each metric over folds, and the sum of each number of images.

    Args:
        folds: metrics of each fold, or of the first ones.
        n_folds: number of folds of one repeat. Repeats validate with the same images again, which count once.
    """
    if len(folds) == 1:
        return folds[0]
    sums = {name: math.fsum(each[name] for each in folds) for name in folds[0]}
    n_times = max(1.0, len(folds) / n_folds)
    return {name: value / (n_times if is_count(name) else len(folds)) for name, value in sums.items()}


def corrected_standard_error(scores: Sequence[float], n_folds: int, repeats: int = 1) -> float:
    """Return the standard error of a mean over the folds of a repeated cross-validation.

    It is the corrected resampled variance of Nadeau & Bengio (2003, doi:10.1023/A:1024068626366, equation 9):
    ``(1 / J + n_2 / n_1) s²`` for J scores with the sample variance s², each of n_2 validation images after training on
    n_1. In k folds n_2 / n_1 is 1 / (k - 1). The second term stands for the training images that the folds share, so
    that it does not become small by repeats. Bouckaert & Frank (2004, doi:10.1007/978-3-540-24775-3_3) use it for
    repeated folds.

    Args:
        scores: of J folds, 2 or more; all folds, or the first ones.
        n_folds: k, the number of folds of one repeat, 2 or more.
        repeats: number of repeats. Without them, and with a score for each fold, every image is validated once: the
            plain ``s / √k`` is used, which later searches compare with that of earlier versions.

    Returns:
        The standard error, in the unit of the scores.
    """
    n = len(scores)
    shared = 0.0 if repeats == 1 and n == n_folds else 1 / (n_folds - 1)
    return float(math.sqrt((1 / n + shared) * np.var(scores, ddof=1)))


def chance_to_win(differences: Sequence[float], total: int) -> float:
    """Return the probability that the mean difference over all folds is 0 or below, given the first ones.

    Differences of a finite number of folds, of which j of J are known, differ in their means by a standard error of
    ``s / √j · √(1 - j / J)``: that of a sample of a finite population (Cochran 1977, Sampling Techniques, section 2.6).
    The ratio has Student's t distribution with j - 1 degrees of freedom where differences are normal and exchangeable.
    Folds share training images, so their differences are correlated; an equal correlation of all pairs is a common
    shift of known and unknown differences, and cancels. This is unlike a test on other images than those of the folds,
    for which ``corrected_standard_error`` is.

    Args:
        differences: loss minus loss of the other trial on each of the first j folds, 2 or more.
        total: J, the number of folds, more than j.

    Returns:
        The probability. Of equal differences it is 0 where they are positive, else 1.
    """
    n = len(differences)
    mean = math.fsum(differences) / n
    error = math.sqrt(np.var(differences, ddof=1) / n * (1 - n / total))
    if error == 0:
        return 0.0 if mean > 0 else 1.0
    return float(stdtr(n - 1, -mean / error))
