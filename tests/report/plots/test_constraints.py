"""Constraints are drawn where their bound is within the panel."""

from matplotlib.figure import Figure

from metaopt.report.plots.constraints import draw_constraints
from metaopt.trials.constraints import parse_constraints


def test_only_bounds_within_the_panel_are_drawn() -> None:
    axes = Figure().add_subplot()
    axes.set(xlim=(1e4, 1e6), ylim=(0, 1))
    constraints = parse_constraints(["params<=1e5", "val_accuracy>=0.5", "macs<=5e4", "val_precision>=0.5"])
    draw_constraints(axes, constraints, x="params", y="val_accuracy")
    assert [text.get_text() for text in axes.texts] == ["params ≤ 100 k", "val_accuracy ≥ 0.5"]
    right, lower = axes.patches
    assert (right.get_x(), right.get_width()) == (1e5, 9e5)
    assert (lower.get_y(), lower.get_height()) == (0, 0.5)


def test_bound_outside_the_panel_is_not_drawn() -> None:
    axes = Figure().add_subplot()
    axes.set(xlim=(1e4, 1e6))
    draw_constraints(axes, parse_constraints(["params<=1e9"]), x="params")
    assert not axes.texts
    assert not axes.lines
