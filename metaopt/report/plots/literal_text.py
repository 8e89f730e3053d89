"""Text in figures as it is written: a ``$`` of an option or a class name begins no formula.

With ``text.parse_math`` off, matplotlib shows ``$10^{-3}$`` of its logarithmic axes literally, so the tick labels are
written with Unicode's superscripts instead.
"""

import re
from typing import Any

from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import Formatter

from metaopt.printable import printable_lines

LITERAL: dict[Any, Any] = {"text.parse_math": False, "axes.formatter.use_mathtext": False}
"""Settings of matplotlib under which a figure is drawn."""

_FORMULA = re.compile(r"\$\\mathdefault\{(.*)\}\$")
_POWER = re.compile(r"\^\{([^{}]*)\}")
_SUPERSCRIPTS = str.maketrans("0123456789-−+.", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁻⁺·")


def show_literally(figure: Figure) -> None:
    """Escape the control characters in every text of a figure, and write its tick labels without formulas.

    Call it when everything is drawn. An SVG with a control character would be invalid.
    """
    for text in figure.findobj(Text):
        text.set_text(printable_lines(text.get_text()))
    for axes in figure.findobj(Axis):
        for which in ("major", "minor"):
            formatter = getattr(axes, f"get_{which}_formatter")()
            if not isinstance(formatter, _LiteralFormatter):
                ticks = getattr(axes, which)
                ticks.formatter = _LiteralFormatter(formatter)


class _LiteralFormatter(Formatter):
    """Formatter whose labels are those of another one as plain text."""

    def __init__(self, inner: Formatter) -> None:
        self._inner = inner

    def set_axis(self, axis: Any) -> None:
        self._inner.set_axis(axis)

    def set_locs(self, locs: Any) -> None:
        self._inner.set_locs(locs)

    def __call__(self, x: float, pos: int | None = None) -> str:
        return _plain(self._inner(x, pos))

    def format_ticks(self, values: Any) -> list[str]:
        return [_plain(label) for label in self._inner.format_ticks(values)]

    def format_data(self, value: float) -> str:
        return _plain(self._inner.format_data(value))

    def get_offset(self) -> str:
        return _plain(self._inner.get_offset())


def _plain(label: str) -> str:
    """Return a tick label without formulas of matplotlib's own, and without control characters."""
    formula = _FORMULA.fullmatch(label)
    if formula:
        label = formula[1].replace(r"\times", "×")
        label = _POWER.sub(lambda power: power[1].translate(_SUPERSCRIPTS), label)
    return printable_lines(label)
