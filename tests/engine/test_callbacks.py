"""Callbacks of a search."""

from metaopt.engine.callbacks import Callback, CallbackList
from tests.engine.synthetic import search

METHODS = ("begin", "trial_started", "epoch", "trial_ended", "trial_rejected", "note", "end")


class Recorder(Callback):
    def __init__(self, log, name):
        self.log, self.name = log, name

    def __getattribute__(self, method):
        if method not in METHODS:
            return super().__getattribute__(method)
        return lambda *arguments, **_: self.log.append((self.name, method, len(arguments)))


def test_list_tells_every_callback_in_order(tmp_path):
    log = []
    callbacks = CallbackList([Recorder(log, "a")])
    callbacks.append(Recorder(log, "b"))
    search(tmp_path / "results", trials=2, epochs=2, callback=callbacks)
    assert log[::2] == [("a", *rest) for _, *rest in log[1::2]]
    methods = [method for name, method, _ in log if name == "a"]
    assert methods == ["begin", *["trial_started", "epoch", "epoch", "trial_ended"] * 2, "end"]


def test_list_passes_on_notes_and_rejections():
    log = []
    callbacks = CallbackList([Recorder(log, "a")])
    callbacks.note("one")
    callbacks.trial_rejected(3, "too large")
    assert log == [("a", "note", 1), ("a", "trial_rejected", 2)]


def test_base_callback_changes_nothing(tmp_path):
    study = search(tmp_path / "results", trials=2, callback=Callback())
    assert len(study.records) == 2
