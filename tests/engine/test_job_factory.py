"""Job factory: what the jobs of a trial say."""

from types import SimpleNamespace

import pytest
from hyperopt import hp

from metaopt.engine.checkpoints import Checkpoints
from metaopt.engine.job_factory import JobFactory
from metaopt.engine.jobs import ForkOf, FromScratch, Resume, TrainingOptions, WeightsOf
from metaopt.spaces import Vals, compile_space
from metaopt.storage.state import StudyState
from metaopt.trials.trial import Trial

SPACE = compile_space({"x": hp.uniform("x", 0, 1)})


def trial(number=0, epochs=0, to=9, **changes):
    vals = Vals({"x": 0.5}, parent=changes.pop("parent", None))
    rows = [{"val_accuracy": 0.5}] * epochs
    return Trial(number, vals, {}, to, metrics=rows, seconds=[2.0] * epochs, **changes)


def factory(tmp_path, trials=(), levels=(1, 3, 9), **options):
    state = StudyState()
    state.trials = list(trials)
    strategy = SimpleNamespace(rung_levels=lambda bracket: levels)
    return JobFactory(state, SPACE, strategy, Checkpoints(tmp_path, "needed"), TrainingOptions(**options))


def test_new_trial_starts_from_scratch(tmp_path):
    job = factory(tmp_path).job(trial(4))
    assert (job.trial, job.point, job.init, job.target_resource) == (4, {"x": 0.5}, FromScratch(), 9)
    assert job.checkpoint == str(tmp_path / "checkpoints" / "000004")


def test_trial_with_epochs_resumes(tmp_path):
    assert factory(tmp_path).job(trial(epochs=3)).init == Resume(3, True, FromScratch())


def test_result_of_a_function_is_not_reported_epoch_by_epoch(tmp_path):
    assert factory(tmp_path).job(trial(returned={"epochs": 3})).init == Resume(3, False, FromScratch())


@pytest.mark.parametrize("inherit", [True, False])
def test_child_starts_from_its_parents_weights_if_asked(tmp_path, inherit):
    init = factory(tmp_path, [trial(0)], inherit=inherit).job(trial(1, parent=0)).init
    directory = str(tmp_path / "checkpoints" / "000000")
    assert init == (WeightsOf(0, {"x": 0.5}, directory) if inherit else FromScratch())


def test_fork_starts_from_its_source_until_it_has_own_epochs(tmp_path):
    source = ForkOf(0, str(tmp_path / "checkpoints" / "000000"), 3)
    make = factory(tmp_path)
    assert make.job(trial(1, epochs=3, forked_from=(0, 3))).init == source
    assert make.job(trial(1, epochs=5, forked_from=(0, 3))).init == Resume(5, True, source)


def test_rung_levels_are_those_of_the_strategy(tmp_path):
    assert factory(tmp_path).job(trial()).rung_levels == (1, 3, 9)
    assert factory(tmp_path, levels=(9,)).job(trial()).rung_levels == ()
    assert factory(tmp_path, unit="seconds").job(trial()).rung_levels == ()


def test_budget_in_seconds_trains_until_it_is_used_up(tmp_path):
    make = factory(tmp_path, unit="seconds")
    assert make.job(trial(epochs=2, to=5)).target_resource > 10**5
    assert make.job(trial(epochs=3, to=5)).target_resource == 3
    assert make.has_reached_target(trial(epochs=3, to=5), 3)
    assert not make.has_reached_target(trial(epochs=3, to=5), 2)
