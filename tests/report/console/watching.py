"""A search as the loop tells its callbacks, without the loop."""

from metaopt.engine.callbacks import Callback
from metaopt.engine.jobs import Epoch
from tests.report.making import make_failure, make_record


def run_search(callback: Callback) -> None:
    """Two trials, one of which fails, and a note."""
    callback.note("no [GPU] was found")
    callback.begin(3, [make_record(0, clock=10.0)])
    callback.trial_started(1, 12, 1_234_567, 2_000_000)
    callback.epoch(Epoch(1, 1, {"val_accuracy": 0.25}, 1.0))
    callback.trial_ended(make_failure(1, clock=20.0), make_record(0))
    callback.trial_started(2, 12, None, None)
    best = make_record(2, clock=30.0)
    callback.trial_ended(best, best)
    callback.end("3 trials are done")
