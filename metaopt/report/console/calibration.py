"""Calibration of a model as text: thresholds of classes, temperatures, reliability of probabilities."""

from collections.abc import Mapping

from metaopt.outputs.class_output import NEVER
from metaopt.report.analysis.reliability import Reliability
from metaopt.terminal.printable import printable
from metaopt.training.temperature import TemperatureScaling
from metaopt.trials.class_thresholds import CalibratedLimit, Calibration


def calibration_lines(calibration: Calibration) -> list[str]:
    """Return one line for each limit on a class, and one for the coverage of each head."""
    n = calibration.images
    first = f"thresholds of classes, tuned on {n:,} calibration images that are not used for training:"
    lines = [f"  {printable(_limit_line(each))}" for each in calibration.limits]
    lines += [f"  {coverage_line(head, count, n, 'calibration')}" for head, count in calibration.answered.items()]
    return [first, *lines]


def temperature_lines(scaling: Mapping[str, TemperatureScaling], images: int) -> list[str]:
    """Return one line for the temperature of each head.

    Args:
        scaling: head → its temperature.
        images: number of images that they were fitted on.
    """
    return [
        f"temperature of {printable(head)}: {each.temperature:.3f}, fitted on {images:,} images that are not used for"
        f" training (cross-entropy {each.loss_before:.4f} before, {each.loss:.4f} after)"
        for head, each in scaling.items()
    ]


def reliability_line(head: str, reliability: Reliability) -> str:
    """Return one line about the calibration error of a head, and about what chance explains of it."""
    found = "more than" if reliability.is_miscalibrated else "within what"
    verdict = f"{found} chance explains: up to {reliability.by_chance:.4f} for perfect probabilities"
    return f"calibration error of {printable(head)} (ECE): {reliability.ece:.4f}, {verdict}"


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
