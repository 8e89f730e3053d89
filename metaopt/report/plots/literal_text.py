"""Text in figures as it is written: a ``$`` of an option or a class name begins no formula.

With ``text.parse_math`` off, matplotlib shows ``$10^{-3}$`` of its logarithmic axes literally, so the tick labels are
written with Unicode's superscripts instead. Letters that no installed font has are escaped: matplotlib would draw the
same box for all of them.
"""

import re
from functools import cache
from typing import Any

from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager, get_font
from matplotlib.text import Text
from matplotlib.ticker import Formatter

from metaopt.terminal.printable import printable_lines

# The font of figures, which is part of matplotlib, and fonts with the letters that it lacks, where they are installed.
_FONT = "DejaVu Sans"
_FURTHER_FONTS = (
    *("Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans JP", "Noto Sans SC", "Source Han Sans", "WenQuanYi Zen Hei"),
    *("Droid Sans Fallback", "Hiragino Sans", "PingFang SC", "Yu Gothic", "Microsoft YaHei", "Malgun Gothic"),
    *("Noto Sans KR", "Noto Sans Devanagari", "Noto Sans Thai", "Noto Emoji", "Arial Unicode MS"),
)
_INSTALLED = frozenset(fontManager.get_font_names())

LITERAL: dict[Any, Any] = {
    "text.parse_math": False,
    "axes.formatter.use_mathtext": False,
    "font.family": [_FONT, *(name for name in _FURTHER_FONTS if name in _INSTALLED)],
}
"""Settings of matplotlib under which a figure is drawn."""

_FORMULA = re.compile(r"\$\\mathdefault\{(.*)\}\$")
_POWER = re.compile(r"\^\{([^{}]*)\}")
_SUPERSCRIPTS = str.maketrans("0123456789-−+.", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁻⁺·")


def show_literally(figure: Figure) -> None:
    """Escape the control characters in every text of a figure, and write its tick labels without formulas.

    Call it when everything is drawn. An SVG with a control character would be invalid.
    """
    for artist in figure.findobj():
        if isinstance(artist, Text):
            artist.set_text(_drawable(artist.get_text()))
        elif isinstance(artist, Axis):
            for ticks in (artist.major, artist.minor):
                if ticks.formatter is not None and not isinstance(ticks.formatter, _LiteralFormatter):
                    ticks.formatter = _LiteralFormatter(ticks.formatter)


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
    return _drawable(label)


def _drawable(text: str) -> str:
    """Return a text without control characters, and with escapes for the letters that no font has."""
    text = printable_lines(text)
    if text.isascii():
        return text
    return "".join(
        letter if letter.isspace() or ord(letter) in _letters() else letter.encode("unicode_escape").decode()
        for letter in text
    )


@cache
def _letters() -> frozenset[int]:
    """Return the code points that the fonts of figures have."""
    paths = {font.fname for font in fontManager.ttflist if font.name in LITERAL["font.family"]}
    return frozenset(code for path in paths for code in get_font(path).get_charmap())
