"""Jobs made from trials: how they begin, to what they train, and at which rungs learning-rate cycles end."""

from pathlib import Path

import pytest
from hyperopt import hp

from metaopt.engine.checkpoints import Checkpoints
from metaopt.engine.job_factory import JobFactory
from metaopt.engine.jobs import ForkOf, FromScratch, Resume, TrainingOptions, WeightsOf
from metaopt.spaces import compile_space
from tests.storage.events import continued, ended, epoch, header, paused, proposed, state_of, trained

SPACE = compile_space({"x": hp.uniform("x", 0, 1)})
FOLDER = Path("study")
FORK = {"trial": 0, "epochs": 3}


class Rungs:
    """A strategy with the rungs of one bracket."""

    def __init__(self, *levels):
        self.levels = levels

    def rung_levels(self, bracket):
        return self.levels[bracket:] if bracket is not None else self.levels


def factory(*events, keep="needed", levels=(9,), **options):
    state = state_of(*events)
    checkpoints = Checkpoints(FOLDER, keep)
    return JobFactory(state, SPACE, Rungs(*levels), checkpoints, TrainingOptions(**options))


def job_of(trial, *events, **more):
    jobs = factory(*events, **more)
    return jobs.job(jobs.state.trials[trial])


def directory(trial):
    return str(FOLDER / "checkpoints" / f"{trial:06d}")


def test_a_new_trial_starts_from_scratch():
    job = job_of(0, proposed(0, 9, {"x": 0.25}), seed=5)
    assert (job.trial, job.point, job.init, job.target_resource) == (0, {"x": 0.25}, FromScratch(), 9)
    assert (job.checkpoint, job.options.seed, job.start) == (directory(0), 5, 0)
    assert job_of(0, proposed(0, 9), keep="none").checkpoint is None


def test_a_trial_with_epochs_resumes_after_them():
    job = job_of(0, trained(0, 3), paused(0), continued(0, 9))
    assert job.init == Resume(3, is_reported=True, fallback=FromScratch())
    assert (job.start, job.target_resource) == (3, 9)


def test_a_time_limit_counts_earlier_jobs_and_pauses():
    """A pause adds the 1.5 s of its job; a job that was interrupted adds the second of each epoch in the journal."""

    def left(*events):
        return job_of(0, *events, levels=(3, 9), trial_timeout_s=10.0).time_limit_s

    assert left(proposed(0, 3)) == 10.0
    assert left(trained(0, 2)) == 8.0
    assert left(trained(0, 3), paused(0, result={"loss": 1.0}), continued(0, 9)) == 8.5
    assert left(trained(0, 3), paused(0), continued(0, 9), epoch(0, 4), epoch(0, 5)) == 6.5
    assert left(trained(0, 12)) == 0.0
    assert job_of(0, proposed(0, 3)).time_limit_s is None


def test_epochs_that_a_function_returned_were_not_reported():
    events = header("loss"), proposed(0, 2), paused(0, result={"loss": 1.0, "epochs": 2}), continued(0, 4)
    assert job_of(0, *events, objective="loss").init == Resume(2, is_reported=False, fallback=FromScratch())


def test_weights_are_inherited_only_where_asked_for():
    events = trained(0, 9, vals={"x": 0.5}), ended(0), proposed(1, 9, parent=0)
    assert job_of(1, *events).init == FromScratch()
    assert job_of(1, *events, inherit=True).init == WeightsOf(0, {"x": 0.5}, directory(0))
    assert job_of(1, *events, inherit=True, keep="none").init == FromScratch()
    assert job_of(0, *events[:1], inherit=True).init == Resume(9, fallback=FromScratch())


def test_a_trial_that_inherits_falls_back_to_the_weights():
    events = trained(0, 9), ended(0), proposed(1, 9, parent=0), epoch(1, 1)
    origin = WeightsOf(0, {"x": 0.0}, directory(0))
    assert job_of(1, *events, inherit=True).init == Resume(1, is_reported=True, fallback=origin)


def test_a_fork_starts_from_the_state_of_its_source():
    job = job_of(1, trained(0, 3), paused(0), proposed(1, 9, parent=0, fork=FORK), inherit=True)
    assert job.init == ForkOf(0, directory(0), 3)
    assert (job.start, job.target_resource) == (3, 9)


def test_a_fork_with_epochs_of_its_own_resumes():
    events = trained(0, 3), paused(0), proposed(1, 9, fork=FORK), epoch(1, 4)
    assert job_of(1, *events).init == Resume(4, is_reported=True, fallback=ForkOf(0, directory(0), 3))


def test_a_fork_without_checkpoints_names_no_directory():
    events = trained(0, 3), paused(0), proposed(1, 9, fork=FORK)
    assert job_of(1, *events, keep="none").init == ForkOf(0, None, 3)


@pytest.mark.parametrize(
    ("levels", "bracket", "unit", "expected"),
    [
        ((1, 3, 9), None, "epochs", (1, 3, 9)),
        ((1, 3, 9), 1, "epochs", (3, 9)),
        ((1, 3, 9), 2, "epochs", ()),  # one rung: one cycle
        ((9,), None, "epochs", ()),
        ((20, 60), None, "seconds", ()),  # the epochs in so many seconds are unknown
    ],
)
def test_cycles_end_at_the_rungs_of_the_bracket(levels, bracket, unit, expected):
    assert job_of(0, proposed(0, 1, bracket=bracket), levels=levels, unit=unit).rung_levels == expected


def test_with_a_budget_in_seconds_a_job_has_no_last_epoch():
    jobs = factory(proposed(0, 60), epoch(0, 1, 25.0), epoch(0, 2, 25.0), unit="seconds", resource=60)
    trial = jobs.state.trials[0]
    assert jobs.job(trial).target_resource > 10_000
    assert not jobs.has_reached_target(trial, 2)
    jobs.state.apply(epoch(0, 3, 25.0))
    assert jobs.has_reached_target(trial, 3)
    assert jobs.job(trial).target_resource == 3, "the last epoch has used the budget up"


def test_with_a_budget_in_epochs_their_number_decides():
    jobs = factory(proposed(0, 2), epoch(0, 1, 99.0))
    trial = jobs.state.trials[0]
    assert not jobs.has_reached_target(trial, 1)
    assert jobs.has_reached_target(trial, 2)
