"""Drawing of a network with matplotlib; Graphviz is not needed."""

import io
import math
import os
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from metaopt.blueprint.blueprint import Blueprint
from metaopt.blueprint.layer import Layer
from metaopt.blueprint.layout import BOX_HEIGHT, BOX_WIDTH, Box, Point, lay_out
from metaopt.errors import UserError
from metaopt.files.atomic_files import write_bytes
from metaopt.terminal.printable import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Layer kind, without its number of spatial axes → (fill, border). The hues are safe for colour-blind readers and also
# differ in lightness.
_COLOURS = {
    "InputLayer": ("#e8e8e8", "#7f7f7f"),
    "Conv": ("#d6e6f4", "#2f73ad"),
    "DepthwiseConv": ("#d6e6f4", "#2f73ad"),
    "SeparableConv": ("#d6e6f4", "#2f73ad"),
    "MaxPooling": ("#fde3c8", "#c8701a"),
    "AveragePooling": ("#fde3c8", "#c8701a"),
    "GlobalAveragePooling": ("#fde3c8", "#c8701a"),
    "Dense": ("#d8ecd4", "#3b8a3e"),
    "Add": ("#f6f6f6", "#555555"),
    "Concatenate": ("#f6f6f6", "#555555"),
    "ShakeShake": ("#f6f6f6", "#555555"),
}
_DEFAULT_COLOURS = ("#ece2f3", "#7d4fa1")
_SHORT_NAMES = {
    "InputLayer": "Input",
    "Conv": "Conv",
    "DepthwiseConv": "Depthwise conv",
    "SeparableConv": "Separable conv",
    "MaxPooling": "Max pool",
    "AveragePooling": "Average pool",
    "GlobalAveragePooling": "Global average pool",
    "BatchNormalization": "BN",
    "ZeroPadding": "Zero padding",
    "UpSampling": "Upsampling",
    "Cropping": "Cropping",
    "Concatenate": "Concat",
    "ShakeShake": "Shake-shake",
    "ShakeDrop": "Shake-drop",
}
_MARGIN, _HEADER = 0.2, 0.6


def draw(blueprint: Blueprint, path: str | os.PathLike[str], title: str | None = None) -> None:
    """Draw the network, with the inputs at the top, into a PNG or SVG file.

    Each box is a layer together with the normalisation, activation, dropout and flattening layers around it. It shows
    the output shape and the number of parameters. Long networks are split into columns.

    Args:
        blueprint: the network.
        path: the file, with the suffix ``.png`` or ``.svg``; missing parent folders are created.
        title: a title above the totals.

    Raises:
        UserError: the path has another suffix.
        ResultsNotWritable: the file cannot be written.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in (".png", ".svg"):
        raise UserError(f"Invalid value for path: {Path(path).name}. Expected a file name ending in .png or .svg.")
    write_bytes(Path(path), render(blueprint, "svg" if suffix == ".svg" else "png", title))


def render(blueprint: Blueprint, kind: Literal["png", "svg"], title: str | None = None) -> bytes:
    """Return the drawing as the bytes of an image file; see ``draw``."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    layout = lay_out(blueprint)
    width = max(layout.right - layout.left + 2 * _MARGIN, 4.2)
    height = layout.top - layout.bottom + 2 * _MARGIN + _HEADER
    # No date and a fixed salt make the file reproducible.
    with rc_context({"svg.hashsalt": "metaopt", "font.family": "DejaVu Sans", "text.parse_math": False}):
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
        image = io.BytesIO()
        figure.savefig(image, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else None)
        return image.getvalue()


def _draw_header(axes: "Axes", blueprint: Blueprint, title: str | None, left: float, top: float) -> None:
    totals = f"{blueprint.params:,} parameters · {_format_number(blueprint.macs)} MACs per image"
    if title:
        axes.text(left, top - 0.13, printable(title), size=9, weight="bold", va="top")
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
        else:  # a curve with vertical ends
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
    fill, border = _COLOURS.get(_without_axes(kind), _DEFAULT_COLOURS)
    corner = (box.x - BOX_WIDTH / 2, box.y - BOX_HEIGHT / 2)
    shape = "round,pad=0,rounding_size=0.06"
    axes.add_patch(
        FancyBboxPatch(corner, BOX_WIDTH, BOX_HEIGHT, boxstyle=shape, facecolor=fill, edgecolor=border, zorder=2)
    )
    heads = [head for head, node in blueprint.heads.items() if node in box.nodes]
    name = printable(f"{', '.join(heads)}: ") if heads else ""
    left, right = box.x - BOX_WIDTH / 2 + 0.07, box.x + BOX_WIDTH / 2 - 0.07
    details, n_parameters = format_box_details(box), _count_parameters(box)
    upper = box.y + (0.085 if details or n_parameters else 0.0)
    text: dict[str, Any] = {"va": "center_baseline", "zorder": 3}
    axes.text(left, upper, name + format_layer_title(box.main.layer), size=7.2, weight="bold", **text)
    output = box.nodes[-1].shape
    axes.text(right, upper, "×".join(map(str, output)), size=6.6, ha="right", color="#333333", **text)
    axes.text(left, box.y - 0.09, details, size=5.8, color="#444444", **text)
    if n_parameters:
        axes.text(right, box.y - 0.09, _format_number(n_parameters), size=5.8, ha="right", color="#444444", **text)


def format_layer_title(layer: Layer) -> str:
    """Return the title of a box: kind, width, window and stride of the layer, e.g. ``"Conv 64 · 3×3 /2"``."""
    title = _SHORT_NAMES.get(_without_axes(layer.kind), layer.kind)
    width = getattr(layer, "filters", None) or getattr(layer, "units", None)
    if width:
        title += f" {width}"
    window = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)
    if window:
        title += f" · {'×'.join(map(str, _to_sizes(window)))}"
    strides = _to_sizes(getattr(layer, "strides", None) or 1)
    usual = _to_sizes(getattr(layer, "pool_size", (1,) * len(strides)))
    if strides != usual:
        title += f" /{strides[0]}" if len(set(strides)) == 1 else f" /{'×'.join(map(str, strides))}"
    dilation = max(_to_sizes(getattr(layer, "dilation_rate", 1)))
    return title if dilation == 1 else f"{title} ×{dilation} dilated"


def _to_sizes(sizes: Any) -> tuple[int, ...]:
    """Return the size along each axis; of a custom layer, one number is both height and width."""
    return (sizes, sizes) if isinstance(sizes, int) else tuple(sizes)


def format_box_details(box: Box) -> str:
    """Return the small layers and the activation of a box in their order, e.g. ``"elu · BN · dropout 0.25"``."""
    details = [_format_detail(node.layer) for node in box.before]
    if details:
        details[-1] += " →"
    activation = getattr(box.main.layer, "activation", None)
    if activation not in (None, "linear") and box.main.layer.kind != "Activation":
        details.append(activation)
    if box.main.layer.kind in ("Activation", "Dropout"):
        details.append(_format_detail(box.main.layer))
    details += [_format_detail(node.layer) for node in box.after]
    return " · ".join(details).replace("→ ·", "→")


def _format_detail(layer: Layer) -> str:
    if layer.kind == "Dropout":
        return f"dropout {layer.rate:.2g}"  # type: ignore[attr-defined]
    if layer.kind == "Activation":
        return layer.activation  # type: ignore[attr-defined]
    return _SHORT_NAMES.get(_without_axes(layer.kind), layer.kind.lower())


def _count_parameters(box: Box) -> int:
    """Return the number of parameters of all layers of a box; shared layers count at every call."""
    return sum(sum(node.layer.parameters(*[inbound.shape for inbound in node.inputs])) for node in box.nodes)


def _format_number(number: int) -> str:
    """Return a number with three digits and an SI prefix: ``1234567`` → ``"1.23 M"``."""
    if number < 1000:
        return str(number)
    power = min(int(math.log10(number)) // 3, 4)
    scaled = number / 1000**power
    digits = max(0, 2 - int(math.log10(scaled)))
    return f"{scaled:.{digits}f} {['', 'k', 'M', 'G', 'T'][power]}"


def _without_axes(kind: str) -> str:
    """Return the kind of a layer without the number of its spatial axes, e.g. ``"Conv"``."""
    return kind[:-2] if kind.endswith(("1D", "2D", "3D")) else kind
