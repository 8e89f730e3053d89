"""Search callbacks, and the list that calls several of them."""

import inspect

import pytest

from metaopt.engine.callbacks import Callback, CallbackList
from tests.engine.synthetic import SyntheticExecutor, search

METHODS = [name for name, _ in inspect.getmembers(Callback, inspect.isfunction) if not name.startswith("_")]


class Recorder(Callback):
    """Notes each call with its own name."""

    def __init__(self, name, calls):
        for method in METHODS:
            setattr(self, method, lambda *arguments, method=method: calls.append((name, method, *arguments)))


@pytest.mark.parametrize("method", METHODS)
def test_a_list_calls_all_its_callbacks_in_order(method):
    calls: list[tuple] = []
    callbacks = CallbackList([Recorder("first", calls)])
    callbacks.append(Recorder("second", calls))
    n_arguments = len(inspect.signature(getattr(Callback, method)).parameters) - 1
    arguments = tuple(f"argument {number}" for number in range(n_arguments))
    getattr(callbacks, method)(*arguments)
    assert calls == [("first", method, *arguments), ("second", method, *arguments)]


@pytest.mark.parametrize("method", METHODS)
def test_a_callback_does_nothing_by_default(method):
    n_arguments = len(inspect.signature(getattr(Callback, method)).parameters) - 1
    assert getattr(Callback(), method)(*[None] * n_arguments) is None


def test_a_search_calls_in_the_order_of_its_events(tmp_path):
    calls: list[tuple] = []
    study = search(tmp_path / "results", trials=2, epochs=2, callback=Recorder("it", calls))
    names = ["begin", *["trial_started", "epoch", "epoch", "trial_ended"] * 2, "end"]
    assert [name for _, name, *_ in calls] == names
    assert calls[0][2:] == (2, [], None)
    assert calls[1][2:] == (0, 2, None, None)
    record, best = calls[-2][2:]
    assert (record.trial, best.trial) == (1, study.best.trial)
    assert calls[-1][2:] == ("all trials are done",)


def test_a_resumed_trial_says_the_epochs_that_it_has(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path / "results", trials=2, epochs=4, executor=SyntheticExecutor(interrupted_after=6))
    calls: list[tuple] = []
    search(tmp_path / "results", trials=2, epochs=4, callback=Recorder("it", calls))
    assert [call[1:] for call in calls if call[1].startswith("trial_")][:2] == [
        ("trial_started", 1, 4, None, None),
        ("trial_resumed", 1, 2),
    ]
