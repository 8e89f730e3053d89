"""Trials: epochs, counts, and the result within a resource."""

from metaopt.spaces import Vals
from metaopt.trials.objective import find_objective
from metaopt.trials.result import Judge, Result
from metaopt.trials.trial import Trial

JUDGE = Judge((find_objective("val_accuracy"),))


def trial(**changes):
    return Trial(0, Vals(), {}, 9, **changes)


def at(*resources):
    return [Result(resource=resource, epochs=resource) for resource in resources]


def test_own_trials_are_neither_imported_nor_rejected():
    assert trial().is_own
    assert not trial(imported=True).is_own
    assert not trial(status="rejected").is_own


def test_epochs_of_a_function_are_those_that_it_returned():
    assert trial(returned={"epochs": 3}).epochs == 3
    assert trial(metrics=[{}], seconds=[1.0], returned={"epochs": 3}).epochs == 1


def test_counts_of_the_worker_replace_those_of_the_guard():
    assert trial(proposal={"params": 5, "macs": None}, info={"params": 7}).counts == {"params": 7}


def test_result_within_a_resource():
    paused = trial(results=at(1, 3), status="paused")
    assert paused.result_within(2).resource == 1
    assert paused.result_within(27).resource == 3
    assert paused.result_within(0) is None


def test_complete_trial_keeps_its_result_at_larger_resources():
    complete = trial(results=at(1, 3), status="ok", complete=True)
    assert complete.result_within(2).resource == 1
    assert complete.result_within(9).resource == 3
    early = trial(results=at(5), status="ok", complete=True)  # it ended by itself at its first job
    assert early.result_within(3).resource == 5


def test_running_trial_counts_as_at_its_last_rung():
    metrics = [{"val_accuracy": value} for value in (0.2, 0.9)]
    rung = JUDGE.judge(Result(1, 1), metrics, [1.0, 1.0], {})
    running = trial(metrics=metrics, seconds=[1.0, 1.0], results=[rung])
    assert running.latest(JUDGE).loss == -0.2
    running.status = "fail"
    assert running.latest(JUDGE).loss == -0.9
