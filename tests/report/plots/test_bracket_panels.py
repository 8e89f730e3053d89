"""Panels of the rungs figure: brackets that begin alike, their colours and curves."""

import numpy as np
import pytest

from metaopt.report.analysis import StudyData
from metaopt.report.plots.bracket_panels import MAX_COLOURS, Panel, PanelLayout, bracket_colours, group_into_panels
from metaopt.trials.objective import OBJECTIVES
from tests.report.making import make_failure, make_record, rung


def test_brackets_that_begin_alike_share_a_panel(rung_study: StudyData) -> None:
    panels = group_into_panels(rung_study.records)
    assert [panel.begin for panel in panels] == [1, 3, 9]
    assert [sorted(panel.brackets) for panel in panels] == [[0, 3], [1], [2]]
    assert sum(len(members) for panel in panels for members in panel.brackets.values()) == len(rung_study.records)


def test_failed_trial_belongs_to_its_bracket(rung_study: StudyData) -> None:
    failed = make_failure(99, bracket=1, history={})
    panels = group_into_panels([*rung_study.records, failed])
    assert failed in panels[1].brackets[1]
    assert group_into_panels([failed]) == []


@pytest.mark.parametrize("n", [1, MAX_COLOURS, MAX_COLOURS + 3])
def test_colours_are_distinct(n: int) -> None:
    colours = bracket_colours([Panel(1, {bracket: [] for bracket in [*range(n - 1), None]})])
    assert len(set(colours.values())) == n


def test_curve_is_at_its_rungs() -> None:
    record = make_record(5, history={"val_accuracy": [0.1, 0.2, 0.4]}, results=[rung(1), rung(3)])
    layout = PanelLayout([1, 3], "epochs", OBJECTIVES["val_accuracy"], {None: "black"})
    assert layout.gap == pytest.approx(np.log(3))
    assert layout.curve(record).tolist() == [[1, 0.1], [3, 0.4]]
