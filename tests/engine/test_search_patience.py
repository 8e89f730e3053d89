"""Patience of a search, replayed from its journal."""

from metaopt.engine.search_patience import replayed_patience
from metaopt.storage.state import StudyState

STUDY = {"event": "study", "objective": "val_accuracy"}
SETTINGS = {"event": "run", "settings": {"constraints": ["val_precision>=0.5"]}}


def trial(number, accuracy, precision=0.9):
    metrics = {"val_accuracy": accuracy, "val_precision": precision}
    return [
        {"event": "proposed", "trial": number, "vals": {}, "point": {}, "to": 1, "network": {}, "model_based": False}
        | {"rejected": {}},
        {"event": "epoch", "trial": number, "epoch": 1, "metrics": metrics, "seconds": 1.0},
        {"event": "ended", "trial": number, "status": "ok", "seconds": 1.0, "clock": float(number)},
    ]


def patience_after(*groups):
    return replayed_patience(StudyState([STUDY, SETTINGS, *(event for group in groups for event in group)]))


def test_counts_trials_since_the_last_improvement():
    assert patience_after(trial(0, 0.5), trial(1, 0.7), trial(2, 0.6), trial(3, 0.7)).count == 2


def test_infeasible_trials_are_no_improvement():
    patience = patience_after(trial(0, 0.5), trial(1, 0.9, precision=0.1))
    assert (patience.count, patience.has_best) == (1, True)
    assert not patience_after(trial(0, 0.9, precision=0.1)).has_best


def test_a_new_goal_starts_counting_anew():
    done = [{"event": "done", "reason": "all trials are done"}, SETTINGS]
    assert patience_after(trial(0, 0.5), trial(1, 0.4), done, trial(2, 0.3)).count == 1
