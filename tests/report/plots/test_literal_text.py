"""Text in figures as it is written."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import matplotlib
import pytest
from matplotlib.figure import Figure

from metaopt.report.plots.literal_text import LITERAL, show_literally
from metaopt.report.plots.style import write_figure

DOLLARS = ["a$_$b", "$DATA_$RUN", "$x^$", "$", "\\$5 {", "100 % $\\frac$"]


def labels(figure: Figure, axis: str) -> list[str]:
    figure.draw_without_rendering()
    (axes,) = figure.axes
    return [label.get_text() for label in getattr(axes, f"get_{axis}ticklabels")() if label.get_text()]


@pytest.mark.slow
def test_dollars_are_drawn_as_written(tmp_path: Path) -> None:
    shown: list[str] = []

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.set_title(DOLLARS[0])
        axes.set_xlabel(DOLLARS[1])
        axes.plot([0, 1], [0, 1], label=DOLLARS[2])
        axes.legend(title=DOLLARS[3])
        axes.annotate(DOLLARS[4], (0, 0))
        axes.set_xticks(range(len(DOLLARS)), DOLLARS)
        figure.suptitle(DOLLARS[5])
        figure.colorbar(axes.scatter([0, 1], [0, 1], c=[1, 2]), label=DOLLARS[0])
        shown.extend(text.get_text() for text in axes.get_xticklabels())

    for suffix in ("png", "svg"):
        write_figure(tmp_path / f"x.{suffix}", (4, 3), draw)
    assert shown[: len(DOLLARS)] == DOLLARS


@pytest.mark.parametrize(
    ("limits", "expected"),
    [((1e-4, 1.0), ["10⁻⁴", "10⁻³", "10⁻²", "10⁻¹", "10⁰"]), ((2.0, 5.0), ["2×10⁰", "3×10⁰", "4×10⁰"])],
)
def test_powers_of_logarithmic_axes_have_superscripts(limits: tuple[float, float], expected: list[str]) -> None:
    with matplotlib.rc_context(LITERAL):
        figure = Figure()
        axes = figure.add_subplot()
        axes.set_xscale("log")
        axes.set_xlim(*limits)
        show_literally(figure)
        show_literally(figure)  # once more changes nothing
        figure.draw_without_rendering()
        texts = [label.get_text() for label in [*axes.get_xticklabels(), *axes.get_xticklabels(minor=True)]]
    assert set(expected) <= set(texts)
    assert "$" not in "".join(texts)


def test_letters_without_a_font_are_escaped(tmp_path: Path) -> None:
    figure = Figure()
    axes = figure.add_subplot(title="für α ≥ 0.5: \U00012000")  # cuneiform
    axes.set_xticks([0, 1], ["\U00012001", "→"])
    show_literally(figure)
    assert axes.get_title() == "für α ≥ 0.5: \\U00012000"
    assert labels(figure, "x") == ["\\U00012001", "→"]
    write_figure(tmp_path / "x.png", (4, 3), lambda figure: figure.text(0, 0, "\U00012000"))  # without a warning


def test_control_characters_leave_a_valid_svg(tmp_path: Path) -> None:
    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.set_title("red \x1b[31m \udce9 \u202e")
        axes.set_yticks([0, 1], ["a\x00", "two\nlines"])

    with matplotlib.rc_context({"svg.fonttype": "none"}):
        write_figure(tmp_path / "x.svg", (4, 3), draw)
    content = "".join(ElementTree.parse(tmp_path / "x.svg").getroot().itertext())
    assert "red \\x1b[31m \\xe9 \\u202e" in content
    assert "a\\x00" in content
