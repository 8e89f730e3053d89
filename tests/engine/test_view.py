"""View of a study for strategies."""

import pytest
from hyperopt import hp

from metaopt.engine.view import StudyView
from metaopt.spaces import compile_space
from metaopt.storage.state import StudyState
from tests.engine.synthetic import search

SPACE = compile_space({"x": hp.uniform("x", 0, 1)})


def view_of(study, goal=9):
    return StudyView(study.state, study.space, seed=0, goal=goal)


def test_goal_is_0_once_no_more_trials_start():
    state = StudyState()
    view = StudyView(state, SPACE, 0, 5)
    assert view.goal == 5
    state.apply({"event": "winding_up", "reason": "enough"})
    assert view.goal == 0


@pytest.mark.parametrize("name", ["goal", "trials", "number", "running", "history"])
def test_strategies_cannot_change_it(name):
    with pytest.raises(AttributeError):
        setattr(StudyView(StudyState(), SPACE, 0, 5), name, None)


def test_every_attempt_has_randomness_of_its_own():
    view = StudyView(StudyState(), SPACE, 0, 5)
    draws = [view.generator("propose", attempt).random() for attempt in (0, 1, 0)]
    assert draws[0] == draws[2] != draws[1]
    assert view.generator("repair").random() != draws[0]


def test_history_has_a_result_for_each_rung(tmp_path):
    study = search(tmp_path / "results", scheduler="hyperband", trials=5)
    for one, record in zip(view_of(study).history.observations, study.records, strict=True):
        assert [result.resource for result in one.results] == [result.resource for result in record.results]
        assert one.result.loss == record.loss
        assert one.is_complete == record.complete


def test_failed_trials_have_no_results(tmp_path):
    from tests.engine.synthetic import SyntheticExecutor

    study = search(tmp_path / "results", trials=2, executor=SyntheticExecutor(fails=lambda job: job.trial == 0))
    first, second = view_of(study).history.observations
    assert (first.results, first.has_loss, second.has_loss) == ((), False, True)
    assert view_of(study).rank_key(study.state.trials[0], 3) is None


def test_rank_key_orders_trials_at_a_rung(tmp_path):
    study = search(tmp_path / "results", trials=4)
    view = view_of(study)
    ranked = sorted(study.state.trials, key=lambda trial: view.rank_key(trial, 3))
    assert [trial.number for trial in ranked] == [r.trial for r in sorted(study.records, key=lambda r: r.loss)]
    assert view.rank_key(study.state.trials[0], 3)[-1] == 0.0
