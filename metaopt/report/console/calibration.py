"""Calibration of class thresholds as text."""

from metaopt.outputs.class_output import NEVER
from metaopt.terminal.printable import printable
from metaopt.trials.class_thresholds import CalibratedLimit, Calibration


def calibration_lines(calibration: Calibration) -> list[str]:
    """Return one line for each limit on a class, and one for the coverage of each head."""
    n = calibration.images
    first = f"thresholds of classes, tuned on {n:,} calibration images that are not used for training:"
    lines = [f"  {printable(_limit_line(each))}" for each in calibration.limits]
    lines += [f"  {coverage_line(head, count, n, 'calibration')}" for head, count in calibration.answered.items()]
    return [first, *lines]


def coverage_line(head: str, answered: int, images: int, split: str) -> str:
    """Return a line about the share of images of which a class is predicted.

    Args:
        head: name of the head.
        answered: number of images of which a class is predicted.
        images: number of images.
        split: name of the split, e.g. ``"test"``.
    """
    share = f"{100 * answered / images:.1f} %" if images else "none"
    return f"coverage of {printable(head)}: {answered:,} of {images:,} {split} images get an answer ({share})"


def counts_text(limit: CalibratedLimit) -> str:
    """Return the counts behind a limit, e.g. ``58 of 60 images``."""
    return f"{limit.hits:,} of {limit.total:,} images"


def _limit_line(limit: CalibratedLimit) -> str:
    constraint = limit.constraint
    metric, name = constraint.class_metric or ("", "")
    if limit.value is None:
        return (
            f"WARNING: {constraint}: no threshold keeps the limits on the precision of class {name} on the calibration"
            " images, so it is never predicted"
        )
    bound = "" if constraint.confidence is None else f", lower bound {limit.value:.4g}"
    at = "predicted wherever it is the most probable class" if limit.threshold == 0 else _above(limit)
    at = "never predicted" if limit.threshold >= NEVER else at
    verdict = "kept" if limit.is_kept else "NOT KEPT by any threshold"
    return f"{constraint}: {verdict}; {metric} {counts_text(limit)}{bound}; class {name} is {at}"


def _above(limit: CalibratedLimit) -> str:
    return f"predicted above a probability of {limit.threshold:.4g}"
