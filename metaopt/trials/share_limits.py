"""Metrics that are shares of images, and the counts behind them by which a constraint with confidence is judged.

The counts are metrics of an epoch, in those studies only that have such a constraint: ``val_hits[CLASS]``,
``val_predicted[CLASS]`` and ``val_images[CLASS]`` for precision and recall of a class; ``val_hits_0``, … for the means
over all classes; ``val_images`` for accuracies.
"""

import re
from collections.abc import Mapping
from typing import Any

from metaopt.trials.proportion_bounds import lower_bound

HITS, PREDICTED, IMAGES = "val_hits", "val_predicted", "val_images"
PRECISION, RECALL = "precision", "recall"
CLASS_TOTALS = {PRECISION: PREDICTED, RECALL: IMAGES}
"""Metric of a class → count that its hits are divided by."""
MEAN_TOTALS = {"val_precision": PREDICTED, "val_balanced_accuracy": IMAGES}
"""Metric that is a mean over classes → the same."""
WITH_CONFIDENCE = "val_accuracy, val_top3, val_precision, val_balanced_accuracy, precision[CLASS] and recall[CLASS]"

_CLASS = re.compile(r"(precision|recall)\[(.*)\]", re.DOTALL)
_COUNT = re.compile(r"(val_hits|val_predicted|val_images)(\[.*\]|_\d+)?", re.DOTALL)


def split_class_metric(name: str) -> tuple[str, str] | None:
    """Return metric and class of e.g. ``precision[rose]``; None for another name."""
    match = _CLASS.fullmatch(name)
    return None if match is None else (match[1], match[2])


def is_overall_accuracy(name: str) -> bool:
    """Return whether a metric is a share of all images, so that its count follows from theirs."""
    return name == "val_top3" or (name.startswith("val_") and name.endswith("accuracy") and name not in MEAN_TOTALS)


def can_have_confidence(name: str) -> bool:
    """Return whether a metric is a share of images, or a mean of shares."""
    return split_class_metric(name) is not None or name in MEAN_TOTALS or is_overall_accuracy(name)


def is_count(name: str) -> bool:
    """Return whether a metric of an epoch is a number of images, which is summed over folds."""
    return _COUNT.fullmatch(name) is not None


def find_counts(name: str, known: Mapping[str, Any]) -> list[tuple[float, float]] | None:
    """Return (hits, total) behind a metric: one pair, or one for each class of a mean; None if they are not known.

    Args:
        name: name of the metric.
        known: metrics of an epoch.
    """
    if (of_class := split_class_metric(name)) is not None:
        metric, subject = of_class
        return _pairs(known, [(f"{HITS}[{subject}]", f"{CLASS_TOTALS[metric]}[{subject}]")])
    if name in MEAN_TOTALS:
        names: list[tuple[str, str]] = []
        while f"{HITS}_{len(names)}" in known:
            names.append((f"{HITS}_{len(names)}", f"{MEAN_TOTALS[name]}_{len(names)}"))
        return _pairs(known, names) if names else None
    if is_overall_accuracy(name) and name in known and IMAGES in known:
        total = int(known[IMAGES])
        return [(round(known[name] * total), total)]
    return None


def _pairs(known: Mapping[str, Any], names: list[tuple[str, str]]) -> list[tuple[float, float]] | None:
    if not all(name in known for pair in names for name in pair):
        return None
    return [(float(known[hits]), float(known[total])) for hits, total in names]


def judge_share(counts: list[tuple[float, float]], confidence: float | None) -> float:
    """Return the mean of the shares, or its lower confidence bound.

    The bound of a mean over k classes is the mean of their bounds, each at 1 − (1 − confidence) / k: all of them hold
    together with at least that confidence, whatever their dependence (Bonferroni's inequality; Dunn 1961,
    doi:10.1080/01621459.1961.10482090). A class without images, or one that is never predicted, counts as 0.

    Args:
        counts: (hits, total) of each share.
        confidence: between 0 and 1, or None for the share itself.
    """
    if confidence is None:
        shares = [hits / total if total else 0.0 for hits, total in counts]
    else:
        each = 1 - (1 - confidence) / len(counts)
        shares = [lower_bound(hits, total, each) for hits, total in counts]
    return sum(shares) / len(shares)
