"""Forks in the search loop: a new trial that starts from the state of another one, under other hyperparameters."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hyperopt import hp

from metaopt.blueprint import Blueprint, Conv2D, Dense, Flatten, Input
from metaopt.engine.callbacks import Callback
from metaopt.engine.checkpoints import Checkpoints
from metaopt.engine.jobs import ForkOf, Job, Report, Resume
from metaopt.engine.loop import Search, StopCriteria
from metaopt.engine.settings import Settings
from metaopt.engine.setup import open_study
from metaopt.executors import Simulated
from metaopt.guard import Guard
from metaopt.problems.problem import Problem
from metaopt.schedulers import Continue, Decision, Done, Fork, Start, Stop, Wait
from metaopt.spaces import Vals
from metaopt.storage import journal
from metaopt.storage.study import JOURNAL, Study
from metaopt.trials.constraints import parse_constraints
from metaopt.trials.record import Record
from tests.engine.synthetic import findings

SPACE = {"rate": hp.uniform("rate", 0, 1)}
R = 6
# Trial 2 is forked from a paused trial, and trial 3 from one that has ended.
PLAN = (
    Start(Vals({"rate": 0.1}), 2),
    Start(Vals({"rate": 0.2}), 2),
    Fork(0, Vals({"rate": 0.3}), 4, bracket=1),
    Stop(1),
    Continue(2, R),
    Fork(1, Vals({"rate": 0.4}), R),
    Continue(0, R),
)


IMPORTED = {
    "source": "elsewhere", "vals": {"rate": 0.1}, "point": {"rate": 0.1}, "status": "ok", "epochs": 1,
    "metrics": [{"val_accuracy": 0.5}], "result": {},
}  # fmt: skip


class Planned:
    """A strategy that takes given decisions in their order."""

    def __init__(self, plan: tuple[Decision, ...] = PLAN, slots: int = 1) -> None:
        self.plan = plan
        self.slots = slots

    def next(self, view, attempt=0):
        for decision in self.plan:
            if not self._is_taken(decision, view):
                return Wait() if self._must_wait(decision, view) else decision
        return Wait() if view.running else Done()

    def _must_wait(self, decision, view):
        if view.running == self.slots:
            return True
        return isinstance(decision, Continue | Stop) and view.trials[decision.trial].status == "running"

    def _is_taken(self, decision, view):
        if isinstance(decision, Start | Fork):
            return any(trial.vals == decision.vals for trial in view.trials)
        trial = view.trials[decision.trial]
        if isinstance(decision, Stop):
            return trial.status == "ok"
        return trial.target_resource >= decision.target_resource

    def rung_levels(self, bracket):
        return (2, 4, R)

    def pauses(self, trial):
        return trial.target_resource < R


class Executor(Simulated):
    """A curve that depends on the learning rate and the epoch; may be killed after a number of reports."""

    def __init__(self, workers: int = 1, killed_after: int | None = None) -> None:
        super().__init__(lambda job: (self.epoch(job, epoch) for epoch in range(1, 100)), workers)
        self.jobs: list[Job] = []
        self.reports = 0
        self.killed_after = killed_after

    @staticmethod
    def epoch(job: Job, epoch: int) -> tuple[dict[str, float], float]:
        return {"val_accuracy": job.point["rate"] + epoch / 100}, 1.0

    def submit(self, job: Job) -> None:
        self.jobs.append(job)
        super().submit(job)

    def wait(self, handle: Callable[[Report], bool], timeout: float | None = None) -> None:
        if self.reports == self.killed_after:
            raise KeyboardInterrupt
        self.reports += 1
        super().wait(handle, timeout)


def search(
    folder: Path, executor: Executor, strategy=None, problem=None, constraints=(), imported=False, **given
) -> Study:
    settings = Settings(scheduler="halving", epochs=R, trials=4, **given)
    problem = problem or Problem(SPACE)
    callback = Callback()
    with open_study(folder, problem, settings, callback, clock=executor.clock) as study:
        study.begin(settings.as_event())
        if imported:
            study.import_trial(IMPORTED)
        guard = Guard(problem, (8, 8, 1), {"label": 10}, parse_constraints(constraints))
        Search(
            study,
            strategy or Planned(),
            executor,
            guard,
            callback,
            goal=settings.goal,
            options=settings.training_options(),
            criteria=StopCriteria(),
            checkpoints=Checkpoints(folder, "all"),
        ).run()
    return study


@pytest.fixture
def executor() -> Executor:
    return Executor()


@pytest.fixture
def study(tmp_path, executor) -> Study:
    return search(tmp_path / "results", executor)


def accuracies(trial) -> list[float]:
    return [metrics["val_accuracy"] for metrics in trial.metrics]


def test_journal_names_the_forked_trial_and_its_epochs(study):
    events = journal.read(study.folder / JOURNAL).events
    proposed = [event for event in events if event["event"] == "proposed"]
    assert [event.get("fork") for event in proposed] == [
        None,
        None,
        {"trial": 0, "epochs": 2},
        {"trial": 1, "epochs": 2},
    ]
    assert (proposed[2]["vals"], proposed[2]["to"], proposed[2]["bracket"]) == ({"rate": 0.3}, 4, 1)


def test_a_fork_has_the_history_of_its_source(study):
    trials = study.state.trials
    assert trials[2].forked_from == (0, 2)
    assert accuracies(trials[2]) == pytest.approx([0.11, 0.12, 0.33, 0.34, 0.35, 0.36])
    assert accuracies(trials[3]) == pytest.approx([0.21, 0.22, 0.43, 0.44, 0.45, 0.46])
    assert accuracies(trials[0]) == pytest.approx([0.11, 0.12, 0.13, 0.14, 0.15, 0.16]), "the source trains on"
    assert [trial.epochs for trial in trials] == [6, 2, 6, 6]


def test_a_fork_trains_only_the_remaining_epochs(study, executor):
    jobs = [job for job in executor.jobs if job.trial in (2, 3)]
    checkpoints = study.folder / "checkpoints"
    of_0, of_1 = (ForkOf(trial, str(checkpoints / f"00000{trial}"), 2) for trial in (0, 1))
    assert [job.init for job in jobs] == [of_0, Resume(4, is_reported=True, fallback=of_0), of_1]
    assert [(job.start, job.target_resource) for job in jobs] == [(2, 4), (4, 6), (2, 6)]
    assert [job.point for job in jobs] == [{"rate": 0.3}, {"rate": 0.3}, {"rate": 0.4}]
    assert executor.clock() == 6 + 2 + 4 + 4


def test_copied_epochs_do_not_count_as_trained(study):
    assert study.state.total_epochs == 6 + 2 + 4 + 4
    events = journal.read(study.folder / JOURNAL).events
    assert [event["epoch"] for event in events if event["event"] == "epoch" and event["trial"] == 2] == [3, 4, 5, 6]
    results = study.state.trials[2].results
    assert [(result.resource, result.epochs, result.total_epochs) for result in results] == [(4, 4, 6), (6, 6, 8)]
    assert [result.seconds for result in results] == [2.0, 4.0]


def test_a_fork_has_a_record_like_any_other_trial(study):
    record = study.records[2]
    assert (record.epochs, record.best_epoch, record.loss) == (6, 6, pytest.approx(-0.36))
    assert record.history["val_accuracy"] == pytest.approx([0.11, 0.12, 0.33, 0.34, 0.35, 0.36])
    assert study.best.trial == 3


def test_replay_gives_the_state_of_the_run(study):
    replayed = Study.load(study.folder).state
    assert replayed.trials == study.state.trials
    assert (replayed.total_epochs, replayed.arrivals) == (study.state.total_epochs, study.state.arrivals)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_search_with_forks_resumes_after_any_crash(tmp_path, workers):
    strategy = Planned(slots=workers)
    whole = search(tmp_path / "whole" / "results", Executor(workers), strategy)
    n_reports = whole.state.total_epochs
    for reports in range(n_reports):
        folder = tmp_path / str(reports) / "results"
        with pytest.raises(KeyboardInterrupt):
            search(folder, Executor(workers, killed_after=reports), strategy)
        executor = Executor(workers)
        study = search(folder, executor, strategy)
        assert study.state.total_epochs == n_reports, reports
        assert findings(study) == findings(whole), reports
        assert executor.reports <= n_reports - reports + 1, "no epoch is trained twice"


def test_a_fork_without_epochs_of_its_own_is_forked_again(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path / "results", Executor(killed_after=4))
    assert Study.load(tmp_path / "results").state.running[0].forked_from == (0, 2)
    executor = Executor()
    search(tmp_path / "results", executor)
    assert isinstance(executor.jobs[0].init, ForkOf)
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path / "other", Executor(killed_after=5))
    executor = Executor()
    search(tmp_path / "other", executor)
    assert executor.jobs[0].init == Resume(3, is_reported=True, fallback=executor.jobs[0].origin)
    assert isinstance(executor.jobs[0].origin, ForkOf)


def test_copied_epochs_do_not_stop_a_fork_by_their_loss(tmp_path):
    """At the epoch of loss-based stopping, the source was the first trial, and six better ones followed."""

    class Losses(Executor):
        @staticmethod
        def epoch(job, epoch):
            return {"val_accuracy": 0.5, "val_loss": 5.0 if job.trial == 0 else 1.0}, 1.0

    plan = (*(Start(Vals({"rate": (number + 1) / 10}), 3) for number in range(7)), Fork(0, Vals({"rate": 0.9}), R))
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path / "results", Losses(killed_after=7 * 3), Planned(plan), stop_hopeless=True)
    study = search(tmp_path / "results", Losses(), Planned(plan), stop_hopeless=True)
    assert [trial.epochs for trial in study.state.trials] == [3] * 7 + [R]


class Forking(Planned):
    """The same, and the checkpoints of all trials that are not over are kept for later forks."""

    def forkable(self, view):
        return {trial.number for trial in view.trials if trial.status in ("running", "paused")}


# Trial 0 is forked while it trains on from epoch 2.
RUNNING = (
    Start(Vals({"rate": 0.1}), 2),
    Continue(0, 4),
    Fork(0, Vals({"rate": 0.3}), 4, epochs=2),
    Continue(0, R),
    Continue(1, R),
)


def test_a_running_trial_is_forked_at_the_end_of_its_last_job(tmp_path):
    executor = Executor(workers=2)
    study = search(tmp_path / "results", executor, Forking(RUNNING, slots=2))
    assert study.state.trials[1].forked_from == (0, 2)
    assert accuracies(study.state.trials[1]) == pytest.approx([0.11, 0.12, 0.33, 0.34, 0.35, 0.36])
    assert accuracies(study.state.trials[0]) == pytest.approx([0.11, 0.12, 0.13, 0.14, 0.15, 0.16])
    kept = {(job.trial, job.start): job.kept_epochs for job in executor.jobs}
    assert (kept[0, 0], kept[0, 2], kept[1, 2]) == ((), (2,), ())


def test_states_are_kept_for_forks_that_have_not_ended(tmp_path):
    """A fork that still trains may have to be forked again, after its source has gone on twice."""
    plan = (*RUNNING[:2], Fork(0, Vals({"rate": 0.3}), R, epochs=2), Continue(0, R))
    executor = Executor(workers=2)
    search(tmp_path / "results", executor, Forking(plan, slots=2))
    assert {(job.trial, job.start): job.kept_epochs for job in executor.jobs}[0, 4] == (2, 4)


def test_a_running_trial_cannot_be_forked_where_it_is_now(tmp_path):
    plan = (*RUNNING[:2], Fork(0, Vals({"rate": 0.2}), 4, epochs=3))
    with pytest.raises(RuntimeError, match="forked trial 0, which is running"):
        search(tmp_path / "results", Executor(workers=2), Forking(plan, slots=2))


def test_a_running_trial_cannot_be_forked_unless_its_state_is_kept(tmp_path):
    with pytest.raises(RuntimeError, match="forked trial 0, which is running"):
        search(tmp_path / "results", Executor(workers=2), Planned(RUNNING, slots=2))


def test_a_running_trial_cannot_be_forked(tmp_path):
    plan = (Start(Vals({"rate": 0.1}), 2), Fork(0, Vals({"rate": 0.2}), 4))
    with pytest.raises(RuntimeError, match="forked trial 0, which is running"):
        search(tmp_path / "results", Executor(workers=2), Planned(plan, slots=2))
    assert len(Study.load(tmp_path / "results").state.trials) == 1


def test_a_running_trial_cannot_be_continued(tmp_path):
    class Hasty(Planned):
        def _must_wait(self, decision, view):
            return view.running == self.slots

    plan = (Start(Vals({"rate": 0.1}), 2), Continue(0, 4))
    with pytest.raises(RuntimeError, match="continued trial 0, which is running"):
        search(tmp_path / "results", Executor(workers=2), Hasty(plan, slots=2))


def test_a_failed_trial_cannot_be_forked(tmp_path):
    class Failing(Executor):
        @staticmethod
        def epoch(job, epoch):
            return {"val_accuracy": float("nan") if epoch == 2 else 0.5}, 1.0

    plan = (Start(Vals({"rate": 0.1}), 2), Fork(0, Vals({"rate": 0.2}), 4))
    with pytest.raises(RuntimeError, match="forked trial 0, which is fail"):
        search(tmp_path / "results", Failing(), Planned(plan))


def test_an_imported_trial_cannot_be_forked(tmp_path):
    with pytest.raises(RuntimeError, match="forked trial 0, which is imported"):
        search(tmp_path / "results", Executor(), Planned((Fork(0, Vals({"rate": 0.2}), 4),)), imported=True)


def network(point, input_shape, classes):
    inputs = Input(input_shape)
    return Blueprint(inputs, Dense(classes["label"])(Flatten()(Conv2D(round(100 * point["rate"]), 3)(inputs))))


def test_a_fork_into_a_rejected_network_raises(tmp_path):
    plan = (Start(Vals({"rate": 0.1}), 2), Fork(0, Vals({"rate": 0.9}), 4))
    with pytest.raises(ValueError, match=r"network that the guard rejects: .*params"):
        search(tmp_path / "results", Executor(), Planned(plan), Problem(SPACE, network), ("params<=1e4",))
    assert len(Study.load(tmp_path / "results").state.trials) == 1


MATED = (
    Start(Vals({"rate": 0.1}), 2),
    Start(Vals({"rate": 0.2}), 3),
    Fork(0, Vals({"rate": 0.3}, parent=0), R, mate=1, change="rate 0.1 → 0.3"),
)


def test_a_fork_with_a_mate_starts_from_both_states(tmp_path):
    executor = Executor()
    study = search(tmp_path / "results", executor, Planned(MATED))
    event = [event for event in journal.read(study.folder / JOURNAL).events if event["event"] == "proposed"][2]
    assert event["fork"] == {"trial": 0, "epochs": 2, "mate": {"trial": 1, "epochs": 3}}
    assert event["change"] == "rate 0.1 → 0.3"
    trial = Study.load(study.folder).state.trials[2]
    assert (trial.forked_from, trial.mate, trial.sources, trial.change) == ((0, 2), (1, 3), [0, 1], "rate 0.1 → 0.3")
    job = executor.jobs[2]
    checkpoints = study.folder / "checkpoints"
    mate = ForkOf(1, str(checkpoints / "000001"), 3)
    assert job.init == ForkOf(0, str(checkpoints / "000000"), 2, mate=mate)
    assert (job.init.point, job.init.mate.point) == ({"rate": 0.1}, {"rate": 0.2})
    record = study.records[2]
    assert (record.parent, record.mate, record.change) == (0, 1, "rate 0.1 → 0.3")
    read = Record.from_json(record.to_json())
    assert (read.mate, read.change) == (1, "rate 0.1 → 0.3")
    assert not {"mate", "change"} & study.records[0].to_json().keys(), "records of other trials are as before"


def test_a_running_mate_cannot_be_forked(tmp_path):
    plan = (Start(Vals({"rate": 0.1}), 2), Start(Vals({"rate": 0.2}), 4), Fork(0, Vals({"rate": 0.3}), 4, mate=1))

    class Hasty(Planned):
        def _must_wait(self, decision, view):
            return view.running == 2 or (isinstance(decision, Fork) and view.trials[0].status == "running")

    with pytest.raises(RuntimeError, match="forked trial 1, which is running"):
        search(tmp_path / "results", Executor(workers=2), Hasty(plan))


def test_a_fork_is_not_a_duplicate_of_its_source(tmp_path):
    """A fork with the same network and training is accepted: its source has not been trained so far."""

    class Again(Planned):
        def _is_taken(self, decision, view):
            return len(view.trials) > self.plan.index(decision)

    plan = (Start(Vals({"rate": 0.1}), 2), Fork(0, Vals({"rate": 0.1}), R))
    study = search(tmp_path / "results", Executor(), Again(plan), Problem(SPACE, network))
    assert [trial.epochs for trial in study.state.trials] == [2, 6]
    assert study.state.rejected.total() == 0
