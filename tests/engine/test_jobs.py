"""Jobs and the options that travel in them."""

import pytest

from metaopt.engine.jobs import (
    ForkOf,
    FromScratch,
    Job,
    Resume,
    TrainingOptions,
    TrainingRequest,
    WeightsOf,
    keep_training,
)
from metaopt.trials.constraints import parse_constraints

PARENT = WeightsOf(1, {"x": 1}, "checkpoints/000001")
FORK = ForkOf(1, "checkpoints/000001", 4)


@pytest.mark.parametrize(
    ("init", "start", "origin", "is_reported"),
    [
        (FromScratch(), 0, FromScratch(), False),
        (PARENT, 0, PARENT, False),
        (FORK, 4, FORK, False),
        (Resume(3), 3, FromScratch(), True),
        (Resume(2, is_reported=False, fallback=PARENT), 2, PARENT, False),
    ],
)
def test_init_tells_where_a_job_starts(init, start, origin, is_reported):
    job = Job(0, {}, init, 9)
    assert (job.start, job.origin, job.is_reported) == (start, origin, is_reported)


def test_options_split_cheap_from_measured_constraints():
    options = TrainingOptions(constraints=parse_constraints(["params<=5", "val_precision>=0.5", "memory<=9"]))
    assert options.bounds == {"params": 5, "memory": 9}
    assert [str(each) for each in options.measured_constraints] == ["val_precision>=0.5"]


def test_tracker_of_the_options_has_their_patience():
    tracker = TrainingOptions(objective="val_loss", early_stopping=1).tracker()
    for loss in (0.5, 0.6):
        tracker.add({"val_loss": loss}, 1.0)
    assert tracker.best == 0
    assert tracker.is_out_of_patience


def test_request_by_hand_keeps_training():
    request = TrainingRequest(Job(0, {}, FromScratch(), 1, TrainingOptions(seed=7)))
    assert request.options.seed == 7
    assert request.report is keep_training
    assert keep_training(None) is True
