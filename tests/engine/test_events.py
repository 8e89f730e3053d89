"""Journal events."""

import numpy as np

from metaopt.engine import events
from metaopt.engine.jobs import Epoch, Failed, Finished
from metaopt.engine.proposer import Accepted
from metaopt.schedulers import Start
from metaopt.spaces import Vals


def test_proposal_tells_everything_that_replay_needs():
    accepted = Accepted(Vals({"x": 1.0}, model_based=True, parent=2), {"x": (1.0,)}, {"params": 5}, {"duplicate": 1})
    event = events.proposed(7, Start(accepted.vals, 9, bracket=1), accepted)
    assert event == {
        "event": "proposed",
        "trial": 7,
        "vals": {"x": 1.0},
        "point": {"x": [1.0]},
        "to": 9,
        "bracket": 1,
        "model_based": True,
        "parent": 2,
        "network": {"params": 5},
        "rejected": {"duplicate": 1},
    }


def test_epoch_has_replicates_only_with_folds():
    plain = events.epoch_trained(Epoch(1, 2, {"loss": 0.5}, 1.23456))
    assert plain == {"event": "epoch", "trial": 1, "epoch": 2, "metrics": {"loss": 0.5}, "seconds": 1.2346}
    folded = events.epoch_trained(Epoch(1, 2, {"loss": 0.5}, 1.0, ({"loss": 0.4}, {"loss": 0.6})))
    assert folded["replicates"] == [{"loss": 0.4}, {"loss": 0.6}]


def test_ends_of_a_job():
    report = Finished(3, seconds=1.0, info={"device": "cpu"}, returned={"loss": 0.1})
    assert events.paused(report)["event"] == "paused"
    ended = events.ended(report, complete=False)
    assert (ended["status"], ended["complete"], ended["result"]) == ("ok", False, {"loss": 0.1})
    failed = events.failed(Failed(3, "diverged", "The loss became NaN.", seconds=2.0))
    assert (failed["status"], failed["failure"]["cause"]) == ("fail", "diverged")


def test_plain_values_are_json_types():
    found = events.plain({"a": np.float32(0.5), "b": np.array([2]), "c": float("nan"), "d": {1, 2}, "e": (1, 2)})
    assert found == {"a": 0.5, "b": 2, "c": None, "d": "{1, 2}", "e": [1, 2]}
