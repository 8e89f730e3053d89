"""A picture of a network with matplotlib; needs no Graphviz."""

import math
import os
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metaopt.blueprint.blueprint import Blueprint
from metaopt.blueprint.layer import Layer
from metaopt.blueprint.layout import BOX_HEIGHT, BOX_WIDTH, Box, Point, lay_out
from metaopt.errors import UserError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Kind → (fill, border). Colour-blind safe hues, told apart by lightness too.
_COLOURS = {
    "InputLayer": ("#e8e8e8", "#7f7f7f"),
    "Conv2D": ("#d6e6f4", "#2f73ad"),
    "DepthwiseConv2D": ("#d6e6f4", "#2f73ad"),
    "SeparableConv2D": ("#d6e6f4", "#2f73ad"),
    "MaxPooling2D": ("#fde3c8", "#c8701a"),
    "AveragePooling2D": ("#fde3c8", "#c8701a"),
    "GlobalAveragePooling2D": ("#fde3c8", "#c8701a"),
    "Dense": ("#d8ecd4", "#3b8a3e"),
    "Add": ("#f6f6f6", "#555555"),
    "Concatenate": ("#f6f6f6", "#555555"),
    "ShakeShake": ("#f6f6f6", "#555555"),
}
_OTHER = ("#ece2f3", "#7d4fa1")
_SHORT = {
    "InputLayer": "Input",
    "Conv2D": "Conv",
    "DepthwiseConv2D": "Depthwise conv",
    "SeparableConv2D": "Separable conv",
    "MaxPooling2D": "Max pool",
    "AveragePooling2D": "Average pool",
    "GlobalAveragePooling2D": "Global average pool",
    "BatchNormalization": "BN",
    "ZeroPadding2D": "Zero padding",
    "Concatenate": "Concat",
    "ShakeShake": "Shake-shake",
    "ShakeDrop": "Shake-drop",
}
_MARGIN, _HEADER = 0.2, 0.6


def draw(blueprint: Blueprint, path: str | os.PathLike[str], title: str | None = None) -> None:
    """Draws the network, inputs at the top, into a PNG or SVG file.

    A box is a layer with the batch normalisation, activation, dropout and flattening around it; it shows the output's
    shape and the parameters. Long networks go on in further columns.

    Args:
        blueprint: the network.
        path: ends in ``.png`` or ``.svg``; folders above it are made.
        title: printed over the totals.

    Raises:
        UserError: another suffix.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in (".png", ".svg"):
        raise UserError(f"a network is drawn as .png or .svg, not as {Path(path).name!r}: choose one of the two")
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    layout = lay_out(blueprint)
    width = max(layout.right - layout.left + 2 * _MARGIN, 4.2)
    height = layout.top - layout.bottom + 2 * _MARGIN + _HEADER
    # Without a date and with a fixed salt, one network always gives one file.
    with rc_context({"svg.hashsalt": "metaopt", "font.family": "DejaVu Sans"}):
        figure = Figure(figsize=(width, height))
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_xlim(layout.left - _MARGIN, layout.left - _MARGIN + width)
        axes.set_ylim(layout.bottom - _MARGIN, layout.bottom - _MARGIN + height)
        axes.axis("off")
        for edge in layout.edges:
            _draw_edge(axes, edge)
        for box in layout.boxes:
            _draw_box(axes, box, blueprint)
        _draw_header(axes, blueprint, title, layout.left, layout.bottom - _MARGIN + height)
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=150, metadata={"Date": None} if suffix == ".svg" else None)


def _draw_header(axes: "Axes", blueprint: Blueprint, title: str | None, left: float, top: float) -> None:
    totals = f"{blueprint.params:,} parameters · {_short_number(blueprint.macs)} MACs per image"
    if title:
        axes.text(left, top - 0.13, title, size=9, weight="bold", va="top")
    axes.text(left, top - 0.32, totals, size=7.5, color="#444444", va="top")
    key = "right in a box: output shape, parameters"
    axes.text(left, top - 0.47, key, size=5.8, color="#444444", va="top")


def _draw_edge(axes: "Axes", corners: list[Point]) -> None:
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path as Line

    points, codes = [corners[0]], [Line.MOVETO]
    for (x0, y0), (x1, y1) in pairwise(corners):
        if x0 == x1 or y0 == y1:
            points.append((x1, y1))
            codes.append(Line.LINETO)
        else:  # leaves and arrives vertically
            middle = (y0 + y1) / 2
            points += [(x0, middle), (x1, middle), (x1, y1)]
            codes += [Line.CURVE4] * 3
    axes.add_patch(
        FancyArrowPatch(
            path=Line(points, codes),
            arrowstyle="-|>,head_length=2.6,head_width=1.5",
            color="#777777",
            linewidth=0.9,
            joinstyle="round",
            shrinkA=0,
            shrinkB=0,
            zorder=1,
        )
    )


def _draw_box(axes: "Axes", box: Box, blueprint: Blueprint) -> None:
    from matplotlib.patches import FancyBboxPatch

    kind = box.main.layer.kind
    fill, border = _COLOURS.get(kind, _OTHER)
    corner = (box.x - BOX_WIDTH / 2, box.y - BOX_HEIGHT / 2)
    shape = "round,pad=0,rounding_size=0.06"
    axes.add_patch(
        FancyBboxPatch(corner, BOX_WIDTH, BOX_HEIGHT, boxstyle=shape, facecolor=fill, edgecolor=border, zorder=2)
    )
    heads = [head for head, node in blueprint.heads.items() if node in box.nodes]
    name = f"{', '.join(heads)}: " if heads else ""
    left, right = box.x - BOX_WIDTH / 2 + 0.07, box.x + BOX_WIDTH / 2 - 0.07
    details, weights = box_details(box), _parameters(box)
    upper = box.y + (0.085 if details or weights else 0.0)
    text: dict[str, Any] = {"va": "center_baseline", "zorder": 3}
    axes.text(left, upper, name + layer_title(box.main.layer), size=7.2, weight="bold", **text)
    output = box.nodes[-1].shape
    axes.text(right, upper, "×".join(map(str, output)), size=6.6, ha="right", color="#333333", **text)
    axes.text(left, box.y - 0.09, details, size=5.8, color="#444444", **text)
    if weights:
        axes.text(right, box.y - 0.09, _short_number(weights), size=5.8, ha="right", color="#444444", **text)


def layer_title(layer: Layer) -> str:
    """What a box is called, e.g. ``"Conv 64 · 3×3 /2"``: kind, width, window and stride, where it has them."""
    title = _SHORT.get(layer.kind, layer.kind)
    width = getattr(layer, "filters", None) or getattr(layer, "units", None)
    if width:
        title += f" {width}"
    window = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)
    if window:
        height, width = _both(window)
        title += f" · {height}×{width}"
    strides = _both(getattr(layer, "strides", None) or 1)
    if strides != _both(getattr(layer, "pool_size", 1)):
        title += f" /{strides[0]}" if strides[0] == strides[1] else f" /{strides[0]}×{strides[1]}"
    dilation = max(_both(getattr(layer, "dilation_rate", 1)))
    return title if dilation == 1 else f"{title} ×{dilation} dilated"


def _both(sizes: Any) -> tuple[int, int]:
    """Height and width: a user's own layer may hold one number for both."""
    return (sizes, sizes) if isinstance(sizes, int) else tuple(sizes)


def box_details(box: Box) -> str:
    """The small layers of a box in order, the main one's activation among them, e.g. ``"elu · BN · dropout 0.25"``."""
    details = [_detail(node.layer) for node in box.before]
    if details:
        details[-1] += " →"
    activation = getattr(box.main.layer, "activation", None)
    if activation not in (None, "linear") and box.main.layer.kind != "Activation":
        details.append(activation)
    if box.main.layer.kind in ("Activation", "Dropout"):
        details.append(_detail(box.main.layer))
    details += [_detail(node.layer) for node in box.after]
    return " · ".join(details).replace("→ ·", "→")


def _detail(layer: Layer) -> str:
    if layer.kind == "Dropout":
        return f"dropout {layer.rate:.2g}"  # type: ignore[attr-defined]
    if layer.kind == "Activation":
        return layer.activation  # type: ignore[attr-defined]
    return _SHORT.get(layer.kind, layer.kind.lower())


def _parameters(box: Box) -> int:
    """Parameters of all layers of the box; shared ones are shown at every call."""
    return sum(sum(node.layer.parameters(*[source.shape for source in node.inputs])) for node in box.nodes)


def _short_number(number: int) -> str:
    """``1234567`` → ``"1.23 M"``."""
    if number < 1000:
        return str(number)
    power = min(int(math.log10(number)) // 3, 4)
    scaled = number / 1000**power
    digits = max(0, 2 - int(math.log10(scaled)))
    return f"{scaled:.{digits}f} {['', 'k', 'M', 'G', 'T'][power]}"
