"""Jobs and training requests: what follows from how a job begins."""

import pickle

import pytest

from metaopt.engine.jobs import (
    Epoch,
    ForkOf,
    FromScratch,
    Job,
    Remark,
    Resume,
    TrainingOptions,
    TrainingRequest,
    WeightsOf,
    keep_training,
)
from metaopt.trials.constraints import parse_constraints

FORK, WEIGHTS = ForkOf(1, "checkpoints/000001", 4), WeightsOf(2, {"x": 1}, "checkpoints/000002")


@pytest.mark.parametrize(
    ("init", "start", "is_reported", "origin"),
    [
        (FromScratch(), 0, False, FromScratch()),
        (WEIGHTS, 0, False, WEIGHTS),
        (FORK, 4, False, FORK),
        (Resume(3), 3, True, FromScratch()),
        (Resume(3, is_reported=False), 3, False, FromScratch()),
        (Resume(7, fallback=FORK), 7, True, FORK),
        (Resume(2, fallback=WEIGHTS), 2, True, WEIGHTS),
    ],
    ids=str,
)
def test_start_and_origin_follow_from_the_beginning(init, start, is_reported, origin):
    job = Job(0, {}, init, 9)
    assert (job.start, job.is_reported, job.origin) == (start, is_reported, origin)


def test_constraints_are_measured_or_bounds():
    options = TrainingOptions(constraints=parse_constraints(["params<=2e6", "val_precision>=0.4", "seconds<=9"]))
    assert options.bounds == {"params": 2e6}
    assert [each.name for each in options.measured_constraints] == ["val_precision", "seconds"]


def test_options_make_a_new_tracker_for_each_trial():
    options = TrainingOptions(objective="val_loss", early_stopping=1)
    first, second = options.tracker(), options.tracker()
    for loss in (0.1, 0.2):
        first.add({"val_loss": loss}, 1.0)
    assert first.is_out_of_patience
    assert not second.losses
    assert options.find_objective().name == "val_loss"


def test_a_request_trains_on_unless_told_otherwise():
    request = TrainingRequest(Job(4, {}, FromScratch(), 9, TrainingOptions(seed=3)))
    assert (request.trial, request.seed, request.options.seed) == (4, 3, 3)
    assert request.report is keep_training
    assert request.report(Epoch(0, 1, {}, 0.0))
    assert request.report(Remark(0, "The checkpoint is damaged."))


def test_jobs_can_be_sent_to_a_worker():
    options = TrainingOptions(constraints=parse_constraints(["params<=5"]))
    job = Job(0, {"x": 1.5}, Resume(3, fallback=FORK), 9, options, "checkpoints/000000", (3, 9))
    assert pickle.loads(pickle.dumps(job)) == job
