"""Which panels there are and what their lines go through, and pictures of every kind of search over rungs."""

import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.image import imread

from metaopt.report.plots import anytime, rungs
from metaopt.report.plots.anytime import anytime_figure
from metaopt.report.plots.fidelity_correlation import foretelling_figure
from metaopt.report.plots.progress import progress_figure
from metaopt.report.plots.rungs import draw_bracket, panels_of, rungs_figure
from metaopt.trials.objective import OBJECTIVES
from tests.report.making import Record, make_failure, make_record
from tests.report.plots.quick import some_quick

Study = Callable[[list[Record]], list[Record]]


def ink(path: Path) -> int:
    return len(np.unique(imread(path), axis=0))


def test_brackets_that_begin_alike_share_a_panel(rung_records: list[Record]) -> None:
    panels = panels_of(rung_records)
    assert [panel.begin for panel in panels] == [1, 3, 9]
    assert [sorted(panel.brackets) for panel in panels] == [[0, 3], [1], [2]]
    assert sum(len(members) for panel in panels for members in panel.brackets.values()) == len(rung_records)


def test_a_trial_that_failed_before_its_first_rung_goes_with_its_bracket(rung_records: list[Record]) -> None:
    failed = make_failure(99, bracket=1, epochs=0)
    panels = panels_of([*rung_records, failed])
    assert failed in panels[1].brackets[1]
    assert panels_of([failed]) == []


def test_one_line_a_trial_that_goes_on_and_a_dot_at_each_rung(rung_records: list[Record]) -> None:
    members = [record for record in rung_records if record["bracket"] == 0]
    axes = Figure().add_subplot()
    draw_bracket(axes, members, OBJECTIVES["val_accuracy"], "#000000", 1.0)
    lines, dots, *_ = axes.collections
    assert len(lines.get_paths()) == sum(len(record["visits"]) > 1 for record in members) == 3
    assert len(dots.get_offsets()) == sum(len(record["visits"]) for record in members) == 9 + 3 + 1
    longest = max((path.vertices for path in lines.get_paths()), key=len)
    best = max(members, key=lambda record: record["epochs"])
    assert longest[:, 1] == pytest.approx([-visit["loss"] for visit in best["visits"]])


def drawn(monkeypatch: pytest.MonkeyPatch, module: ModuleType, draw: str, records: list[Record]) -> Figure:
    """What a figure's function draws, not yet a picture."""
    figure = Figure(layout="constrained")
    monkeypatch.setattr(module, "write_or_explain", lambda own, path, size, into: into(figure))
    getattr(module, draw)(records, Path("unwritten.png"))
    return figure


def test_the_axes_of_effort_are_logarithmic(rung_records: list[Record], monkeypatch: pytest.MonkeyPatch) -> None:
    figure = drawn(monkeypatch, anytime, "anytime_figure", rung_records)
    assert [axes.get_xlabel() for axes in figure.axes] == [
        "epochs trained, of all trials",
        "seconds of search",
        "trials",
    ]
    assert [axes.get_xscale() for axes in figure.axes] == ["log"] * 3


def test_each_bracket_has_its_colour(rung_records: list[Record], monkeypatch: pytest.MonkeyPatch) -> None:
    figure = drawn(monkeypatch, rungs, "rungs_figure", rung_records)
    colours = [
        [tuple(lines.get_color()[0]) for lines in axes.collections if isinstance(lines, LineCollection)]
        for axes in figure.axes
    ]
    assert [len(panel) for panel in colours] == [2, 1, 1]  # brackets 0 and 3 begin alike
    flat = [colour for panel in colours for colour in panel]
    assert len(set(flat)) == len(flat) == 4
    assert [axes.get_xscale() for axes in figure.axes] == ["log"] * 3


def some_infeasible(records: list[Record]) -> list[Record]:
    visited = [[{**visit, "feasible": visit["loss"] < -0.5} for visit in record["visits"]] for record in records]
    return [
        record | {"visits": visits, "feasible": visits[-1]["feasible"], "constraints": {"val_precision>=0.5": -0.1}}
        for record, visits in zip(records, visited, strict=True)
    ]


def in_seconds(records: list[Record]) -> list[Record]:
    return [
        record | {"visits": [{**visit, "to": 60 * visit["to"]} for visit in record["visits"]]} for record in records
    ]


def many_brackets(records: list[Record]) -> list[Record]:
    return [record | {"trial": 26 * k + record["trial"], "bracket": k % 8} for k in range(4) for record in records]


STUDIES: dict[str, Study] = {
    "hyperband": lambda records: records,
    "no brackets": lambda records: [record | {"bracket": None} for record in records],
    "many brackets": many_brackets,
    "limits": some_infeasible,
    "none keeps the limits": lambda records: [record | {"feasible": False} for record in records],
    "failures": lambda records: [
        *(record | {"status": "fail", "loss": None} if record["trial"] % 5 == 0 else record for record in records),
        make_failure(77, bracket=0, epochs=0, ended=None),
    ],
    "a loss": lambda records: [
        record
        | {"objective": "val_loss", "loss": 1 + record["loss"]}
        | {"visits": [{**visit, "loss": 1 + visit["loss"]} for visit in record["visits"]]}
        for record in records
    ],
    "in seconds": in_seconds,
    "running": lambda records: [record | {"paused": True, "complete": False} for record in records],
    "some imported": lambda records: [*records, make_record(99, imported=True, ended=None)],
    "no epochs": lambda records: [
        record
        | {"history": {}, "best_epoch": None, "epochs": 0}
        | {"visits": [{**visit, "epochs": 0, "spent": 0} for visit in record["visits"]]}
        for record in records
    ],
    "no clock": lambda records: [
        record | {"ended": None, "visits": [{**visit, "ended": 0.0} for visit in record["visits"]]}
        for record in records
    ],
}


@pytest.mark.parametrize("draw", [anytime_figure, rungs_figure, foretelling_figure, progress_figure])
@pytest.mark.parametrize("study", some_quick(STUDIES))
def test_any_search_over_rungs_is_drawn(
    study: str, draw: Callable[[list[Record], Path], None], rung_records: list[Record], tmp_path: Path
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw(STUDIES[study](rung_records), tmp_path / "x.png")
    assert ink(tmp_path / "x.png") > 50


@pytest.mark.parametrize("draw", [rungs_figure, foretelling_figure])
def test_a_search_without_rungs_gets_a_message(
    draw: Callable[[list[Record], Path], None], records: list[Record], tmp_path: Path
) -> None:
    draw(records, tmp_path / "x.png")
    assert imread(tmp_path / "x.png").shape[:2] == (375, 1200)
