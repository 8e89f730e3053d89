"""What a score is worth: standard errors, intervals, and how much of the scores a hyperparameter explains."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from metaopt import randomness
from metaopt.report.analysis.features import Column
from metaopt.report.analysis.scores import eligible
from metaopt.trials.record import Record

# Shares of images, of which n independent ones are right or wrong.
PROPORTIONS = ("val_accuracy", "val_top3")
# Fewer trials than this beyond the regressors say nothing about a hyperparameter.
_FEWEST_SPARE_TRIALS = 4
# Resampled confusion matrices that are held in memory at once, in cells.
_CELLS_AT_ONCE = 2_000_000


def binomial_standard_error(proportion: float, n: int) -> float:
    """Standard error √(p(1 − p)/n) of a share p of n independent images, e.g. of an accuracy.

    Raises:
        ValueError: n is below 1 or the share is not within 0..1.
    """
    _check_proportion(proportion, n)
    return math.sqrt(proportion * (1 - proportion) / n)


def wilson_interval(proportion: float, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share of n independent images; sound also near 0 and 1.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927), computed by
    ``scipy.stats``.

    Args:
        proportion: the share, 0..1; the nearest multiple of 1/n is taken.
        n: how many images, 1 or more.
        confidence: coverage, e.g. 0.95.

    Raises:
        ValueError: n is below 1 or the share is not within 0..1.
    """
    _check_proportion(proportion, n)
    interval = stats.binomtest(round(proportion * n), n).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def macro_precision_interval(
    labels: np.ndarray, predicted: np.ndarray, confidence: float = 0.95, resamples: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Bootstrap percentile interval of the macro-averaged precision, over images.

    Drawing n images with replacement draws the confusion matrix from a multinomial distribution, so that is drawn.
    As in scikit-learn, the average is over the classes that occur in either array, and a class that is never
    predicted has precision 0.

    Args:
        labels: (n,) int, true classes.
        predicted: (n,) int, predicted classes.
        confidence: coverage, e.g. 0.95.
        resamples: bootstrap samples.
        seed: of the resampling.

    Raises:
        ValueError: there are no images, or the arrays differ in length.
    """
    if len(labels) == 0 or len(labels) != len(predicted):
        raise ValueError(f"{len(labels)} labels and {len(predicted)} predictions: one of each per image is needed")
    classes, indices = np.unique(np.concatenate([labels, predicted]), return_inverse=True)
    cells, counts = np.unique(indices.reshape(2, -1), axis=1, return_counts=True)  # (2, m), (m,)
    column = (cells[1][:, None] == np.arange(len(classes))).astype(float)  # (m, classes): predicted as
    hit = column * (cells[0] == cells[1])[:, None]
    rng = randomness.generator(seed, 0, "bootstrap")
    precisions: list[np.ndarray] = []
    rows = max(1, _CELLS_AT_ONCE // len(counts))
    for start in range(0, resamples, rows):
        draws = rng.multinomial(len(labels), counts / len(labels), size=min(rows, resamples - start))
        shown = draws @ column  # (rows, classes)
        precisions.append((draws @ hit / np.maximum(shown, 1)).mean(axis=1))
    tail = (1 - confidence) / 2
    low, high = np.quantile(np.concatenate(precisions), [tail, 1 - tail])
    return float(low), float(high)


def score_standard_error(record: Record, n_validation: int | None) -> float | None:
    """Standard error of a record's score, as far as the record tells.

    From its replicates (cross-validation) it is their standard deviation by √k, which holds roughly, as the folds share
    training images; else a share of the validation images has the binomial one.

    Args:
        record: of a trial that succeeded.
        n_validation: images in the validation set, or None if that is not known.

    Returns:
        The standard error in the objective's unit, or None where it cannot be told from a record.
    """
    replicates = record.get("replicates") or []
    if len(replicates) >= 2 and all(isinstance(value, int | float) for value in replicates):
        return float(np.std(replicates, ddof=1) / math.sqrt(len(replicates)))
    if record.get("objective") in PROPORTIONS and n_validation:
        return binomial_standard_error(min(max(-record["loss"], 0.0), 1.0), n_validation)
    return None


def within_one_standard_error(
    records: Sequence[Record], best: Record, standard_error: float | None
) -> list[Record] | None:
    """The other eligible trials whose loss is within one standard error of the best; None if that is not known."""
    if standard_error is None:
        return None
    return [
        record
        for record in records
        if eligible(record) and record is not best and record["loss"] <= best["loss"] + standard_error
    ]


@dataclass(frozen=True)
class Effect:
    """How much one hyperparameter explains alone.

    Attributes:
        share: of the variance of the scores' ranks, 0..1: adjusted R²; nan where too few trials tell.
        p_value: of the F test that it explains nothing; nan likewise.
        trials: in which it was active.
    """

    share: float
    p_value: float
    trials: int

    @property
    def clear(self) -> bool:
        """Whether chance alone would give such a share in less than one of twenty hyperparameters without effect."""
        return self.p_value < 0.05


def marginal_effect(column: Column, losses: np.ndarray) -> Effect:
    """The share of the losses' ranks that a hyperparameter explains alone.

    A regression of the ranks on a parabola (numbers) or on the levels (choices), with Ezekiel's adjustment
    1 − (1 − R²)(n − 1)/(n − k − 1) for its k regressors, so that a choice of many options gains nothing by chance.
    Ranks make it blind to outliers, such as a trial that diverged. Chosen over a random forest's importances as those
    are mostly noise at twenty trials of twenty hyperparameters; like them, it describes the trials, not the network:
    a sampler that has learnt something draws hyperparameters that depend on each other.

    Args:
        column: the hyperparameter.
        losses: (n,) of the same trials.
    """
    active = column.active
    n = int(active.sum())
    design = column.design()
    design = design[:, np.ptp(design, axis=0) > 0] if n else design
    if n - design.shape[1] - 1 < _FEWEST_SPARE_TRIALS or design.shape[1] == 0:
        return Effect(math.nan, math.nan, n)
    ranks = stats.rankdata(losses[active])
    ranks -= ranks.mean()
    total = float(ranks @ ranks)
    if total == 0:
        return Effect(0.0, 1.0, n)
    full = np.column_stack([np.ones(n), design])
    fitted, _, rank, _ = np.linalg.lstsq(full, ranks, rcond=None)
    k, spare = rank - 1, n - rank
    unexplained = min(float(np.sum((ranks - full @ fitted) ** 2)) / total, 1.0)
    share = 1 - unexplained * (n - 1) / spare
    f = math.inf if unexplained == 0 else (1 - unexplained) / k / (unexplained / spare)
    return Effect(max(share, 0.0), float(stats.f.sf(f, k, spare)), n)


def association(a: Column, b: Column) -> tuple[str, float]:
    """How strongly two hyperparameters went together, over the trials in which both are active.

    Returns:
        The measure's sign and value: Spearman's ρ in −1..1 of two ordered ones, the correlation ratio η in 0..1 of an
        ordered one's ranks on the levels of another, Cramér's V in 0..1 of two unordered ones; nan where undefined.
    """
    both = a.active & b.active
    x, y = a.places()[both], b.places()[both]
    sign = "ρ" if a.ordered and b.ordered else "η" if a.ordered or b.ordered else "V"
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return sign, math.nan
    if sign == "ρ":
        return sign, float(stats.spearmanr(x, y).statistic)
    if sign == "V":
        table = stats.contingency.crosstab(x, y).count
        return sign, float(stats.contingency.association(table, method="cramer"))
    groups, ranks = (y, stats.rankdata(x)) if a.ordered else (x, stats.rankdata(y))
    between = sum(
        np.sum(groups == level) * (ranks[groups == level].mean() - ranks.mean()) ** 2 for level in np.unique(groups)
    )
    return sign, math.sqrt(between / np.sum((ranks - ranks.mean()) ** 2))


def _check_proportion(proportion: float, n: int) -> None:
    if n < 1 or not 0 <= proportion <= 1:
        raise ValueError(f"a share within 0..1 of at least one image is needed, got {proportion} of {n}")
