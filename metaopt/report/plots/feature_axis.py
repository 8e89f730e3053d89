"""Axis of a hyperparameter: its limits, its ticks, and the jitter of options without an order."""

from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from metaopt.report.analysis.features import NONE_POSITION, Feature, level_text
from metaopt.report.plots.score_axis import logarithmic_ticks

# Largest shift of a trial within an option, which has the width 1.
_JITTER = 0.22


def axis_limits(feature: Feature) -> tuple[float, float]:
    """Return the limits of the axis."""
    if feature.levels:
        return -0.6, len(feature.levels) - 0.4
    return (NONE_POSITION - 0.1 if feature.has_none else -0.06), 1.06


def axis_ticks(feature: Feature, max_ticks: int = 4) -> tuple[list[float], list[str]]:
    """Return positions and texts of the ticks.

    Args:
        feature: the hyperparameter.
        max_ticks: approximate largest number of ticks of a continuous one.
    """
    if feature.levels:
        return [float(position) for position in range(len(feature.levels))], list(map(level_text, feature.levels))
    numbers = [tick for tick in _tick_numbers(feature, max_ticks) if feature.low <= tick <= feature.high]
    positions, texts = list(map(feature.position, numbers)), [f"{tick:.4g}" for tick in numbers]
    return ([NONE_POSITION, *positions], ["none", *texts]) if feature.has_none else (positions, texts)


def _tick_numbers(feature: Feature, max_ticks: int) -> list[float]:
    if feature.is_logarithmic:
        return logarithmic_ticks(feature.low, feature.high, max_ticks)
    return [float(tick) for tick in MaxNLocator(max_ticks, steps=[1, 2, 5, 10]).tick_values(feature.low, feature.high)]


def set_ticks(
    axis: Any, feature: Feature, max_ticks: int, size: float = 8.0, max_letters: int = 22, longest: int = 14
) -> None:
    """Set the ticks of an axis.

    Args:
        axis: matplotlib's axis, on which the feature's positions are drawn.
        feature: the hyperparameter.
        max_ticks: see ``axis_ticks``.
        size: font size.
        max_letters: number of letters above which the texts are smaller, and rotated on a horizontal axis.
        longest: number of letters above which a text is cut.
    """
    positions, texts = axis_ticks(feature, max_ticks)
    texts = [text if len(text) <= longest else f"{text[: longest - 1]}…" for text in texts]
    axis.set_ticks(positions, texts)
    is_crowded = sum(map(len, texts)) > max_letters
    is_rotated = axis.axis_name == "x" and is_crowded
    axis.set_tick_params(labelsize=size - (1.0 if is_crowded else 0.0), labelrotation=25.0 if is_rotated else 0.0)


def jitter(feature: Feature, positions: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return the positions, those of options without an order shifted at random within the option; reproducible.

    Numbers stay where they are, as their positions have a meaning.
    """
    if not feature.levels or feature.is_numeric:
        return positions
    shifts = np.random.default_rng(seed).uniform(-1, 1, len(positions))
    return positions + _JITTER * shifts
