"""The search loop: several workers, failures, endings, and the guard behind every proposal."""

import signal

import pytest
from hyperopt import hp

from metaopt.blueprint import Blueprint, Conv2D, Dense, Flatten, Input
from metaopt.engine.jobs import Epoch, Finished, Rejected
from metaopt.engine.setup import ImageKind
from metaopt.errors import UserError
from metaopt.problems.problem import Problem
from metaopt.storage.study import Study
from metaopt.terminal.interruption import Interruption, interruptible
from tests.engine.synthetic import EPOCHS, InOneGo, SyntheticExecutor, accuracy, findings, search


class Recorder:
    """Keeps what it is told."""

    def __init__(self):
        self.told = []

    def __getattr__(self, name):
        return lambda *arguments: self.told.append((name, *arguments))

    def all(self, name):
        return [told[1:] for told in self.told if told[0] == name]


def test_several_workers_train_every_trial_once_in_any_order(tmp_path):
    executor = SyntheticExecutor(slots=4)
    study = search(tmp_path / "results", trials=10, executor=executor)
    assert sorted(executor.trained) == [(trial, epoch) for trial in range(10) for epoch in range(1, EPOCHS + 1)]
    assert executor.trained[:4] == [(0, 1), (1, 1), (2, 1), (3, 1)]
    assert len(study.records) == 10


def test_equal_seeds_find_the_same(tmp_path):
    one, two, other = (search(tmp_path / f"r{i}", seed=seed) for i, seed in enumerate((0, 0, 1)))
    assert findings(one) == findings(two)
    assert [r["vals"] for r in one.records] != [r["vals"] for r in other.records]


def test_an_interrupted_search_completes_its_goal(tmp_path):
    folder = tmp_path / "results"
    with pytest.raises(KeyboardInterrupt):
        search(folder, trials=7, executor=SyntheticExecutor(interrupted_after=10))
    assert len(Study.load(folder).records) == 3
    assert len(search(folder).records) == 7
    assert len(search(folder).records) == 14
    assert len(search(folder, trials=14).records) == 14
    assert len(search(folder, trials=16).records) == 16


class CtrlC(InOneGo):
    """Ctrl-C in the first epoch of trial 3, which ends; the trial would be trained for more epochs."""

    is_pressed = False

    def metrics(self, job, epoch):
        if (job.trial, epoch) == (3, 1) and not self.is_pressed:
            self.is_pressed = True
            signal.raise_signal(signal.SIGINT)
        value = accuracy(job.point, epoch)
        return {"val_accuracy": value, "val_loss": 1 - value}


def executor_without_ctrl_c():
    executor = CtrlC()
    executor.is_pressed = True
    return executor


def test_ctrl_c_in_a_command_lets_an_epoch_end_and_resumes_after_it(tmp_path):
    executor = CtrlC()
    interruption = Interruption("interrupted.")
    with pytest.raises(KeyboardInterrupt), interruptible(interruption):
        search(tmp_path / "parts", executor=executor)
    assert interruption.happened
    assert executor.trained[-1] == (3, 1)
    state = Study.load(tmp_path / "parts").state
    assert (state.trials[3].status, state.trials[3].epochs, state.finished) == ("running", 1, False)
    search(tmp_path / "parts", executor=executor)
    assert executor.trained.count((3, 1)) == 1
    whole = search(tmp_path / "whole", executor=executor_without_ctrl_c())
    assert findings(Study.load(tmp_path / "parts")) == findings(whole)


class Starting(SyntheticExecutor):
    """Workers that still import and load when Ctrl-C is pressed."""

    waits = 0

    def wait(self, handle, timeout=None):
        self.waits += 1
        assert self.waits < 3, "it is waited for"
        if self.waits == 1:
            signal.raise_signal(signal.SIGINT)


def test_ctrl_c_before_anything_was_trained_ends_a_command_at_once(tmp_path):
    executor, watch = Starting(slots=2), Recorder()
    with pytest.raises(KeyboardInterrupt), interruptible(Interruption("interrupted.")):
        search(tmp_path / "parts", executor=executor, callback=watch)
    assert (executor.waits, watch.all("note")) == (1, [])
    state = Study.load(tmp_path / "parts").state
    assert [(trial.status, trial.epochs) for trial in state.trials] == [("running", 0)] * 2
    assert findings(search(tmp_path / "parts")) == findings(search(tmp_path / "whole"))


class Growing(SyntheticExecutor):
    """Gets a second slot while its first job runs."""

    def __init__(self) -> None:
        super().__init__()
        self.taken_at_first_report = 0

    def wait(self, handle, timeout=None):
        if self.slots == 1:
            self.slots = 2
            return
        self.taken_at_first_report = self.taken_at_first_report or len(self.jobs)
        super().wait(handle, timeout)


def test_an_added_slot_is_filled_before_the_next_report(tmp_path):
    executor = Growing()
    search(tmp_path / "results", executor=executor)
    assert executor.taken_at_first_report == 2


def test_three_equal_failures_in_a_row_are_noted(tmp_path):
    watch = Recorder()
    executor = SyntheticExecutor(fails=lambda job: 2 <= job.trial <= 4)
    study = search(tmp_path / "results", executor=executor, callback=watch)
    assert [record["status"] for record in study.records] == ["ok"] * 2 + ["fail"] * 3 + ["ok"] * 3
    assert study.records[2]["error"] == "it was told to fail"
    assert (tmp_path / "results" / "failed_000003.json").exists()
    notes = watch.all("note")
    assert len(notes) == 1
    assert "3 trials in a row failed with the same cause (ValueError)" in notes[0][0]


def test_a_search_ends_after_trials_without_improvement(tmp_path):
    study = search(tmp_path / "results", trials=200, stop_after=5)
    assert len(study.records) < 200
    assert study.records[-1]["trial"] - study.best["trial"] == 5


def test_a_new_goal_starts_the_patience_anew(tmp_path):
    folder = tmp_path / "results"
    first = len(search(folder, trials=200, stop_after=5).records)
    assert len(search(folder, more=3).records) == first + 3
    again = search(folder, trials=200)
    assert len(again.records) >= first + 8
    assert len(search(folder, more=30, stop_after=None).records) == len(again.records) + 30


@pytest.mark.parametrize("epochs", [2, 9])
def test_an_interrupted_trial_keeps_its_number_of_epochs(tmp_path, epochs):
    folder = tmp_path / "results"
    jobs = []

    class Noting(SyntheticExecutor):
        def submit(self, job):
            jobs.append(job)
            super().submit(job)

    with pytest.raises(KeyboardInterrupt):
        search(folder, trials=4, epochs=5, executor=Noting(interrupted_after=7))
    study = search(folder, epochs=epochs, executor=Noting())
    assert [record["epochs"] for record in study.records] == [5, 5, epochs, epochs]
    assert all(record["complete"] and not record["paused"] for record in study.records)
    assert all(job.rung_levels in ((), (job.target_resource,)) for job in jobs)


def test_a_best_trial_that_fails_is_not_the_best_any_more(tmp_path):
    """Also one whose metrics break a limit once it goes on; what the display says is what the study says."""
    watch = Recorder()
    executor = SyntheticExecutor(fails=lambda job: job.start > 0)
    study = search(
        tmp_path / "results",
        scheduler="halving",
        epochs=9,
        trials=9,
        executor=executor,
        callback=watch,
        objective="val_loss",
    )
    assert any(record["status"] == "fail" for record in study.records)
    for number, (record, best) in enumerate(watch.all("trial_ended")):
        assert best is None or record["trial"] != best["trial"] or record["status"] == "ok", number
    last = watch.all("trial_ended")[-1][1]
    assert last["trial"] == study.best["trial"]
    assert last["loss"] == study.best["loss"]


def test_a_search_resumes_after_its_time_limit(tmp_path):
    folder = tmp_path / "results"
    watch = Recorder()
    search(folder, trials=5, seconds=0.0, callback=watch)
    assert "the time is over" in watch.all("end")[0][0]
    assert len(search(folder).records) == 5


def test_an_exhausted_space_ends_the_search(tmp_path):
    watch = Recorder()
    space = {"a": hp.choice("a", [0.1, 0.2, 0.3]), "b": hp.choice("b", ["x", "y"])}

    class Executor(SyntheticExecutor):
        def wait(self, handle, timeout=None):
            job = self.jobs.popleft()
            handle(Epoch(job.trial, 1, {"val_accuracy": job.point["a"]}, 0.1))
            handle(Finished(job.trial))

    study = search(tmp_path / "results", space=space, trials=50, executor=Executor(), callback=watch)
    assert len({tuple(record["space"].items()) for record in study.records}) == len(study.records) == 6
    assert "the space is exhausted" in watch.all("end")[0][0]
    assert study.state.rejected["duplicate"] > 0


def network(point, input_shape, classes):
    x = inputs = Input(input_shape)
    for _ in range(point["depth"]):
        x = Conv2D(point["filters"], 3, padding="valid")(x)
    return Blueprint(inputs, Dense(classes["label"])(Flatten()(x)))


class Anything(SyntheticExecutor):
    """Any network is as good as its parameters are many."""

    def wait(self, handle, timeout=None):
        job = self.jobs.popleft()
        self.trained.append((job.trial, job.point))
        handle(Epoch(job.trial, 1, {"val_accuracy": job.point["filters"] / 100}, 0.1))
        handle(Finished(job.trial))


GUARDED = {
    "depth": hp.uniformint("depth", 1, 8),
    "filters": hp.uniformint("filters", 1, 64),
    "learning_rate": hp.loguniform("learning_rate", -5, 0),
}


def guarded_search(folder, executor=None, **options):
    return search(
        folder,
        problem=Problem(GUARDED, network, name="guarded"),
        images=ImageKind((8, 8, 1), {"label": 10}),
        executor=executor or Anything(),
        trials=30,
        **options,
    )


def test_invalid_and_oversized_networks_are_not_trained(tmp_path):
    executor = Anything()
    study = guarded_search(tmp_path / "results", constraints=("params<=2e4",), executor=executor)
    assert len(study.records) == len(executor.trained) == 30
    assert all(point["depth"] <= 3 for _, point in executor.trained)  # 8 → 6 → 4 → 2 → nothing
    assert all(record["params"] <= 2e4 and record["feasible"] for record in study.records)
    assert study.state.rejected["invalid architecture"] > 10
    assert study.state.rejected["params"] > 0
    assert all(record["macs"] and record["blueprint"]["hash"] for record in study.records)


def test_impossible_constraints_end_the_search_with_counts(tmp_path):
    with pytest.raises(UserError, match=r"No network of the space passes .*rejected: .*params \d+") as error:
        guarded_search(tmp_path / "results", constraints=("params<=50",))
    assert "the smallest params reached is" in str(error.value)
    assert not (tmp_path / "results").exists()


def test_networks_rejected_in_the_worker_are_no_trials(tmp_path):
    class SlowPath(SyntheticExecutor):
        def wait(self, handle, timeout=None):
            job = self.jobs[0]
            if job.point["x"] < 0 and self.epochs[job.trial] == 0:
                self.jobs.popleft()
                handle(Rejected(job.trial, "params", "too big"))
            else:
                super().wait(handle, timeout)

    study = search(tmp_path / "results", trials=6, executor=SlowPath())
    assert len(study.records) == 6
    assert all(record["space"]["x"] >= 0 for record in study.records)
    assert study.state.rejected["params"] >= 1
    assert len(study.trials.trials) == 6


def test_a_search_ends_where_the_worker_rejects_everything(tmp_path):
    class Refusing(SyntheticExecutor):
        def wait(self, handle, timeout=None):
            handle(Rejected(self.jobs.popleft().trial, "params", "it has 9 parameters, limit 5"))

    with pytest.raises(UserError, match=r"200 in a row were rejected. All 200 .* for one cause: it has 9 parameters"):
        search(tmp_path / "results", executor=Refusing())
