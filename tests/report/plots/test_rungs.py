"""Rungs figure: lines, dots and colours, from every kind of search over rungs."""

from pathlib import Path

import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from metaopt.report.analysis import StudyData
from metaopt.report.plots.bracket_panels import PanelLayout
from metaopt.report.plots.rungs import draw_bracket, rungs_figure
from metaopt.trials.objective import OBJECTIVES
from tests.report.making import make_failure, make_paused, make_record, rung, study_of
from tests.report.plots.conftest import is_message, legend, texts

PATH = Path("unwritten.png")


def test_line_of_promoted_trials_and_dot_at_each_rung(rung_study: StudyData) -> None:
    members = [record for record in rung_study.records if record.bracket == 0]
    axes = Figure().add_subplot()
    layout = PanelLayout([1, 3, 9], "epochs", OBJECTIVES["val_accuracy"], {0: "#000000"})
    draw_bracket(axes, members, layout, "#000000")
    lines, dots, *_ = axes.collections
    assert len(lines.get_paths()) == sum(len(record.results) > 1 for record in members) == 3
    assert len(dots.get_offsets()) == sum(len(record.results) for record in members) == 9 + 3 + 1
    longest = max((path.vertices for path in lines.get_paths()), key=len)
    best = max(members, key=lambda record: record.epochs)
    assert longest[:, 1] == pytest.approx([-result.loss for result in best.results])


def test_brackets_have_distinct_colours(rung_study: StudyData, figures: list[Figure]) -> None:
    rungs_figure(rung_study, PATH)
    (figure,) = figures
    colours = [
        [tuple(lines.get_color()[0]) for lines in axes.collections if isinstance(lines, LineCollection)]
        for axes in figure.axes
    ]
    assert [len(panel) for panel in colours] == [2, 1, 1]  # brackets 0 and 3 begin alike
    flat = [colour for panel in colours for colour in panel]
    assert len(set(flat)) == len(flat) == 4
    assert [axes.get_xscale() for axes in figure.axes] == ["log"] * 3
    assert figure.axes[0].get_title(loc="left") == "Brackets 0, 3: 18 trials"
    assert "Trials at each rung: 18, 11, 6." in texts(figure)


def test_legend_names_the_marks_that_occur(figures: list[Figure]) -> None:
    metrics = {"val_accuracy": [0.3, 0.4, 0.5], "val_precision": [0.1, 0.2, 0.6]}
    limits = ["val_precision>=0.5"]
    results = [rung(1), rung(3)]
    records = [make_record(trial, history=metrics, results=results, constraints=limits) for trial in range(2)]
    records += [make_failure(2, history=metrics, results=results[:1]), make_failure(3, history={})]
    records += [make_paused(4, 1, results=results[:1]), make_record(5, imported=True)]
    rungs_figure(study_of(records, constraints=limits), PATH)
    names = ["promoted", "ended or paused", "fully trained", "infeasible", "failed", "best"]
    assert legend(figures[0]) == names


def test_many_brackets_are_shaded(figures: list[Figure]) -> None:
    results = [rung(1), rung(12)]
    rungs_figure(study_of(make_record(trial, results=results, bracket=trial // 2) for trial in range(20)), PATH)
    assert "Colour: bracket, from the first (dark) to the last (light)." in texts(figures[0])
    assert figures[0].axes[0].get_title(loc="left").startswith("Brackets 0, 1, … 9:")


def test_unit_of_budgets_is_the_studys(figures: list[Figure]) -> None:
    results = [rung(4, resource=60), rung(12, resource=180)]
    rungs_figure(study_of([make_record(0, results=results)], budget_unit="seconds"), PATH)
    assert figures[0].axes[0].get_xlabel() == "seconds"


def test_search_without_rungs_gives_a_message(study: StudyData, figures: list[Figure]) -> None:
    rungs_figure(study, PATH)
    assert is_message(figures[0])
