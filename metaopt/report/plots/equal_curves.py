"""Step curves of which some are equal, or begin alike: dashes of each show that there are several."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

Array = npt.NDArray[np.float64]

# Period of the dashes of a curve on top of an equal one, in line widths.
_PERIOD = 8.0


@dataclass(frozen=True)
class Curve:
    """A step curve.

    Attributes:
        label: label in the legend.
        x: (n,) positions of its steps, ascending.
        y: (n,) value from each step on.
    """

    label: str
    x: Array
    y: Array

    def common_start(self, other: "Curve") -> int:
        """Return the number of leading steps that are those of another curve."""
        n = min(len(self.x), len(other.x))
        is_equal = (self.x[:n] == other.x[:n]) & (self.y[:n] == other.y[:n])
        return n if is_equal.all() else int(np.argmin(is_equal))

    def equals(self, other: "Curve") -> bool:
        """Return whether both have the same steps, one or more."""
        return len(self.x) == len(other.x) == self.common_start(other) > 0


def draw_curves(axes: Axes, curves: Sequence[Curve], styles: Sequence[dict[str, Any]]) -> None:
    """Draw the curves; where one is on top of another it is dashed, so that both are seen."""
    for index, (curve, style) in enumerate(zip(curves, styles, strict=True)):
        starts = [curve.common_start(earlier) for earlier in curves[:index]]
        n = max(starts, default=0)
        line: dict[str, Any] = {"where": "post", "linewidth": 1.7, "zorder": 3}
        if n < 2 and n < len(curve.x):
            axes.step(curve.x, curve.y, label=curve.label, **line, **style)
            continue
        dash = _PERIOD / 2 ** starts.count(n)
        is_whole = n == len(curve.x)
        above = {**style, "linestyle": (0, (dash, _PERIOD - dash))}
        axes.step(curve.x[: n + 1], np.append(curve.y[:n], curve.y[n - 1 : n] if not is_whole else []), **line, **above)
        x, y = curve.x[n:], curve.y[n:]
        if is_whole:  # for the legend alone
            axes.step([], [], label=curve.label, **line, **above)
        else:
            axes.step(np.append(x[:1], x), np.append(curve.y[n - 1 : n], y), label=curve.label, **line, **style)


def explain_equal(curves: Sequence[Curve], unit: str) -> str:
    """Return a sentence for each group of curves that are equal, or begin alike; empty where there is none.

    Args:
        curves: the curves.
        unit: unit of their positions, in the plural.
    """
    texts: list[str] = []
    named: list[set[str]] = []
    left = list(curves)
    while left:
        first, *others = left
        same = [first, *(curve for curve in others if curve.equals(first))]
        if len(same) > 1:
            texts.append(f" Equal curves: {', '.join(curve.label for curve in same)}.")
        left = [curve for curve in others if not curve.equals(first)]
        starts = {curve.label: n for curve in left if (n := curve.common_start(first)) >= 2}
        names = {first.label, *starts}
        if starts and not any(names <= known for known in named):
            end = first.x[min(starts.values()) - 1]
            texts.append(f" Equal up to {end:g} {unit}: {', '.join([first.label, *starts])}.")
            named.append(names)
    return "".join(texts)
