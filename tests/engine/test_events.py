"""Journal events made from decisions and reports."""

from pathlib import Path

import numpy as np

from metaopt.engine import events
from metaopt.engine.jobs import Epoch, Failed, Finished
from metaopt.engine.proposer import Accepted
from metaopt.schedulers import Start
from metaopt.spaces import Vals


def test_a_proposal_is_stored_with_the_guard_s_counts():
    vals = Vals({"x": 0.5}, model_based=True, parent=3)
    accepted = Accepted(vals, {"x": 0.5, "f": len}, {"params": 7}, {"duplicate": 2})
    event = events.proposed(4, Start(vals, 9, bracket=1), accepted)
    point = event.pop("point")
    assert (point["x"], point["f"]) == (0.5, "<built-in function len>")
    assert event == {
        "event": "proposed",
        "trial": 4,
        "vals": {"x": 0.5},
        "to": 9,
        "bracket": 1,
        "model_based": True,
        "parent": 3,
        "network": {"params": 7},
        "rejected": {"duplicate": 2},
    }


def test_a_replaced_proposal_has_no_figures_of_the_one_it_replaces():
    vals, reason = Vals({"x": 0.5}, model_based=True), {"chance_of_best": 0.3}
    left = ((2, {"chance_of_best": 0.1}),)
    same = events.proposed(4, Start(vals, 9, None, reason, left), Accepted(vals, {}, {}, {}))
    assert same["reason"] == reason
    assert same["left"] == [{"trial": 2, "reason": {"chance_of_best": 0.1}}]
    other = events.proposed(4, Start(vals, 9, None, reason, left), Accepted(Vals({"x": 0.7}), {}, {}, {"params": 3}))
    assert other["reason"] == {"rejected_proposals": 3.0}
    assert other["left"] == same["left"]


def test_an_epoch_has_replicates_only_with_folds():
    event = events.epoch_trained(Epoch(1, 2, {"val_loss": 0.5}, 1.234567))
    assert event == {"event": "epoch", "trial": 1, "epoch": 2, "metrics": {"val_loss": 0.5}, "seconds": 1.2346}
    folds = ({"val_loss": 0.4}, {"val_loss": 0.6})
    assert events.epoch_trained(Epoch(1, 2, {"val_loss": 0.5}, 1.0, folds))["replicates"] == list(folds)


def test_a_job_ends_with_its_facts_in_json_types():
    report = Finished(3, seconds=2.34567, info={"device": Path("cpu")}, returned={"loss": np.float32(0.5)})
    told = {"trial": 3, "seconds": 2.346, "info": {"device": repr(Path("cpu"))}, "result": {"loss": 0.5}}
    assert events.paused(report) == {"event": "paused", **told}
    assert events.ended(report, complete=False) == {"event": "ended", "status": "ok", "complete": False, **told}


def test_a_failure_keeps_its_traceback():
    event = events.failed(Failed(3, "ValueError", "ValueError: bad", "Traceback …", 1.0))
    failure = {"cause": "ValueError", "error": "ValueError: bad", "traceback": "Traceback …"}
    assert event == {"trial": 3, "event": "ended", "status": "fail", "seconds": 1.0, "failure": failure}
