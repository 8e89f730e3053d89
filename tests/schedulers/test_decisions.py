"""Decisions of strategies are values: equal by content and never changed."""

from dataclasses import FrozenInstanceError, fields
from typing import get_args

import pytest

from metaopt.engine.view import StudyView
from metaopt.schedulers import Continue, Decision, Done, Fork, Propose, SchedulerDecision, Start, Stop, Wait
from metaopt.schedulers.decisions import TrialView, View
from metaopt.spaces import Vals
from metaopt.trials.trial import Trial
from tests.schedulers.simulated import SimulatedTrial, Simulation

VALS = Vals({"x": 0.5})
EXAMPLES = [Start(VALS, 9, 1), Fork(0, VALS, 9), Propose(3, 0), Continue(0, 9), Stop(0), Wait(), Done()]


@pytest.mark.parametrize("decision", EXAMPLES, ids=lambda decision: type(decision).__name__)
def test_a_decision_is_equal_by_content_and_frozen(decision):
    values = {field.name: getattr(decision, field.name) for field in fields(decision)}
    assert type(decision)(**values) == decision
    assert [other for other in EXAMPLES if other == decision] == [decision]
    for name in values:
        with pytest.raises(FrozenInstanceError):
            setattr(decision, name, None)


def test_a_scheduler_proposes_where_a_strategy_starts_or_forks():
    assert {type(each) for each in EXAMPLES} == {*get_args(Decision), *get_args(SchedulerDecision)}
    assert set(get_args(SchedulerDecision)) - set(get_args(Decision)) == {Propose}
    assert set(get_args(Decision)) - set(get_args(SchedulerDecision)) == {Start, Fork}


def test_a_bracket_is_optional():
    assert Start(VALS, 9).bracket is Fork(0, VALS, 9).bracket is Propose(9).bracket is None


@pytest.mark.parametrize(
    ("protocol", "implementations"), [(TrialView, (Trial, SimulatedTrial)), (View, (StudyView, Simulation))]
)
def test_views_have_what_strategies_may_read(protocol, implementations):
    names = {name for name in vars(protocol) if not name.startswith("_")}
    assert len(names) >= 4
    for each in implementations:
        attributes = {*dir(each), *getattr(each, "__annotations__", ()), *vars(make(each))}
        assert names <= attributes


def make(kind):
    """An instance, as some attributes are set at construction."""
    if kind is Trial:
        return Trial(0, VALS, {}, 9)
    if kind is SimulatedTrial:
        return SimulatedTrial(0, 9)
    return StudyView(None, None, 0, None) if kind is StudyView else Simulation(lambda: None, 9)
