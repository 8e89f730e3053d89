"""Forks: new trials that start from the state of another one, on simulated trainings."""

import pytest
from hyperopt import hp

from metaopt.blueprint import Blueprint, Conv2D, Dense, Flatten, Input
from metaopt.engine.callbacks import Callback
from metaopt.engine.checkpoints import Checkpoints
from metaopt.engine.loop import Search, StopCriteria
from metaopt.engine.settings import resolve
from metaopt.engine.setup import ImageKind, open_study
from metaopt.executors import Simulated
from metaopt.guard.guard import Guard
from metaopt.problems import Problem, Training
from metaopt.schedulers import Done, Fork, Start, Wait
from metaopt.spaces import Vals
from metaopt.storage import journal
from metaopt.storage.state import StudyState

SPACE = {"rate": hp.uniform("rate", 0, 1)}


class ForkingStrategy:
    """Trains two trials to 3 epochs, forks the better one with another rate to 8, and resumes nothing else."""

    def __init__(self, source=0, vals=None, to=8):
        self.source, self.vals, self.to = source, vals or Vals({"rate": 0.9}), to

    def next(self, view, attempt=0):
        if view.number < 2:
            return Start(Vals({"rate": 0.1 + 0.1 * view.number}), 3)
        if view.running:
            return Wait()
        return Fork(self.source, self.vals, self.to) if view.number == 2 else Done()

    def rung_levels(self, bracket):
        return (3, 8)

    def pauses(self, trial):
        return trial.target_resource < 8


def curve(job):
    for epoch in range(1, 20):
        yield {"val_accuracy": job.point["rate"] * (1 - 0.5**epoch)}, 1.0


def run(folder, strategy, *, problem=None, images=None, executor=None):
    settings = resolve({"epochs": 8, "trials": 3, "sampler": "random"}, {}, StudyState())
    problem = problem or Problem(SPACE)
    executor = executor or Simulated(curve)
    with open_study(folder, problem, settings, Callback(), images=images, clock=executor.clock) as study:
        study.begin(settings.as_event())
        kind = images or ImageKind()
        Search(
            study,
            strategy,
            executor,
            Guard(problem, kind.input_shape, kind.classes),
            Callback(),
            goal=3,
            options=settings.training_options(),
            criteria=StopCriteria(),
            checkpoints=Checkpoints(folder),
            clock=executor.clock,
        ).run()
    return study


def test_fork_continues_the_history_of_its_source(tmp_path):
    study = run(tmp_path / "results", ForkingStrategy())
    source, fork = study.state.trials[0], study.state.trials[2]
    assert fork.forked_from == (0, 3)
    assert fork.metrics[:3] == source.metrics
    assert [round(each["val_accuracy"] / (1 - 0.5 ** (i + 1)), 6) for i, each in enumerate(fork.metrics)] == (
        [0.1] * 3 + [0.9] * 5
    )
    assert study.best.trial == 2


def test_copied_epochs_are_not_counted_as_trained(tmp_path):
    study = run(tmp_path / "results", ForkingStrategy())
    assert study.state.total_epochs == 3 + 3 + 5
    reported = [event for event in journal.read(study.folder / "journal.jsonl").events if event["event"] == "epoch"]
    assert [event["epoch"] for event in reported if event["trial"] == 2] == [4, 5, 6, 7, 8]


def test_fork_is_journaled_and_replayed(tmp_path):
    study = run(tmp_path / "results", ForkingStrategy())
    events = journal.read(study.folder / "journal.jsonl").events
    (forked,) = [event for event in events if event.get("fork")]
    assert (forked["event"], forked["trial"], forked["to"]) == ("proposed", 2, 8)
    assert forked["fork"] == {"trial": 0, "epochs": 3}
    assert StudyState(events).trials == study.state.trials


def test_interrupted_fork_resumes_after_its_last_epoch(tmp_path):
    class Interrupted(Simulated):
        epochs = 0

        def wait(self, handle, timeout=None):
            self.epochs += 1
            if self.epochs == 10:  # the first two trials end after 3 reports each
                raise KeyboardInterrupt
            super().wait(handle, timeout)

    folder = tmp_path / "results"
    with pytest.raises(KeyboardInterrupt):
        run(folder, ForkingStrategy(), executor=Interrupted(curve))
    assert len(StudyState(journal.read(folder / "journal.jsonl").events).trials) == 3
    study = run(folder, ForkingStrategy())
    assert [len(trial.metrics) for trial in study.state.trials] == [3, 3, 8]
    assert study.state.total_epochs == 11


def test_running_trial_cannot_be_forked(tmp_path):
    class Hasty(ForkingStrategy):
        def next(self, view, attempt=0):
            return Start(Vals({"rate": 0.5}), 3) if view.number == 0 else Fork(0, self.vals, 8)

    with pytest.raises(RuntimeError, match="forked trial 0, which is running"):
        run(tmp_path / "results", Hasty(), executor=Simulated(curve, workers=2))


def test_fork_into_an_invalid_network_is_a_bug_of_the_strategy(tmp_path):
    def network(point, input_shape, classes):
        inputs = Input(input_shape)
        x = Flatten()(Conv2D(2, 3 if point["rate"] < 0.5 else 9)(inputs))
        return Blueprint(inputs, {head: Dense(n)(x) for head, n in classes.items()})

    problem = Problem(SPACE, network, training=lambda point: Training(learning_rate=point["rate"]))
    images = ImageKind((5, 5, 1), {"label": 3})
    with pytest.raises(ValueError, match="a network that the guard rejects"):
        run(tmp_path / "results", ForkingStrategy(), problem=problem, images=images)
