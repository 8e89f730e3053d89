"""An animation of terminals: pictures of their screens, drawn as an animated GIF."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
from PIL import Image, ImageColor, ImageDraw, ImageFont

from benchmarks.recording.shell import Cell, Picture

_FONT_SIZE = 12
_LINE_HEIGHT = 17
_MARGIN = 12
# A dark window, with its frame, stands out on a light page and on a dark one.
_BACKGROUND, _BAR, _BORDER = "#1b1f27", "#2b313c", "#5c6675"
_COLOURS = {
    "default": "#dfe3ea",
    "red": "#f47067",
    "green": "#7bc77e",
    "brown": "#e0b04c",  # what pyte calls yellow
    "blue": "#6cb6ff",
    "magenta": "#dcbdfb",
    "cyan": "#76d0d8",
}
_DIM = "#9aa4b2"
_MIXTURES = 8


@dataclass(frozen=True)
class Pane:
    """One terminal of a frame.

    Attributes:
        title: the text of the bar above it.
        note: the text at the right of the bar.
        picture: what its screen shows.
    """

    title: str
    note: str
    picture: Picture


@dataclass(frozen=True)
class Frame:
    """Picture that an animation shows for a while.

    Attributes:
        panes: the terminals, from above.
        seconds: how long.
    """

    panes: tuple[Pane, ...]
    seconds: float


class Artist:
    """Draws terminals with the fonts that matplotlib brings along."""

    def __init__(self) -> None:
        folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
        self._font = ImageFont.truetype(str(folder / "DejaVuSansMono.ttf"), _FONT_SIZE)
        self._bold = ImageFont.truetype(str(folder / "DejaVuSansMono-Bold.ttf"), _FONT_SIZE)
        self._cell_width = self._font.getlength("m")

    def draw(self, panes: Sequence[Pane]) -> Image.Image:
        """Return the picture of terminals, one above the other, as an RGB image."""
        columns = max(len(pane.picture[0]) for pane in panes)
        width = round(2 * _MARGIN + columns * self._cell_width)
        heights = [_LINE_HEIGHT * (len(pane.picture) + 1) + 2 * _MARGIN for pane in panes]
        image = Image.new("RGB", (width, sum(heights)), _BACKGROUND)
        canvas = ImageDraw.Draw(image)
        top = 0
        for pane, height in zip(panes, heights, strict=True):
            self._draw_pane(canvas, pane, top, width)
            top += height
        canvas.rectangle((0, 0, width - 1, top - 1), outline=_BORDER)
        return image

    def _draw_pane(self, canvas: ImageDraw.ImageDraw, pane: Pane, top: int, width: int) -> None:
        bar_height = _LINE_HEIGHT + _MARGIN // 2
        canvas.rectangle((0, top, width, top + bar_height), fill=_BAR)
        middle = top + bar_height / 2
        canvas.text((_MARGIN, middle), pane.title, _COLOURS["default"], self._font, anchor="lm")
        canvas.text((width - _MARGIN, middle), pane.note, _DIM, self._font, anchor="rm")
        for number, row in enumerate(pane.picture):
            y = top + bar_height + _MARGIN // 2 + number * _LINE_HEIGHT
            for column, cell in enumerate(row):
                if cell.text.strip():
                    position = (_MARGIN + column * self._cell_width, y)
                    canvas.text(position, cell.text, _colour(cell), self._bold if cell.bold else self._font)


def _colour(cell: Cell) -> str:
    return _COLOURS.get(cell.colour) or f"#{cell.colour}"


def write_gif(frames: Sequence[Frame], file: Path) -> None:
    """Draw frames as an animated GIF that repeats; it stores only what changes from one to the next.

    Args:
        frames: at least one.
        file: where the animation is written.
    """
    artist = Artist()
    palette = _palette(frames)
    images = [artist.draw(frame.panes).quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    milliseconds = [round(1000 * frame.seconds) for frame in frames]
    images[0].save(
        file, save_all=True, append_images=images[1:], duration=milliseconds, loop=0, optimize=True, disposal=1
    )


def _palette(frames: Sequence[Frame]) -> Image.Image:
    """Return a palette of all colours, and of their mixtures with the background, which smooth the edges of letters.

    It is the same for all frames, so that nothing flickers.
    """
    rows = (row for frame in frames for pane in frame.panes for row in pane.picture)
    on_background = {_COLOURS["default"], *(_colour(cell) for row in rows for cell in row)}
    pairs = [(_BACKGROUND, colour) for colour in sorted(on_background)]
    pairs += [(_BAR, colour) for colour in (_COLOURS["default"], _DIM)]
    colours = {ImageColor.getrgb(_BORDER)}
    for pair in pairs:
        behind, before = map(ImageColor.getrgb, pair)
        for share in range(_MIXTURES + 1):
            mixed = zip(behind, before, strict=True)
            colours.add(tuple(round(low + (high - low) * share / _MIXTURES) for low, high in mixed))
    palette = Image.new("P", (1, 1))
    palette.putpalette([value for colour in sorted(colours)[:256] for value in colour])
    return palette
