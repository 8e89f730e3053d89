"""Strategies: a sampler and a scheduler on the real search loop."""

from collections import Counter

import pytest
from hyperopt import hp

from metaopt.engine.strategy import JOINT, STRATEGIES, SamplerScheduler, resolve_strategy
from metaopt.engine.view import StudyView
from metaopt.errors import UserError
from metaopt.executors import Simulated
from metaopt.samplers import SAMPLERS, Evolution
from metaopt.schedulers import SCHEDULERS, Continue, Done, Propose, Start, Stop, Wait, brackets
from metaopt.spaces import Vals, compile_space
from metaopt.storage.files import Unsynced
from metaopt.trials.trial import Trial
from tests.engine.synthetic import SyntheticExecutor, accuracy, search
from tests.marks import with_slow
from tests.storage.events import ended, proposed, state_of, trained


def test_every_strategy_is_joint_or_a_sampler_and_a_scheduler() -> None:
    for name, (sampler, scheduler) in STRATEGIES.items():
        assert resolve_strategy(name, None, None) == (sampler, scheduler)
        if name in JOINT:
            assert sampler == scheduler == name
        else:
            assert sampler in SAMPLERS
            assert scheduler in SCHEDULERS
    assert resolve_strategy("bohb", "anneal", None) == ("anneal", "hyperband")
    assert resolve_strategy(None, None, "asha-stop") == ("tpe", "asha-stop")
    with pytest.raises(UserError, match=r"Unknown strategy: hyperbend\. Did you mean hyperband"):
        resolve_strategy("hyperbend", None, None)


@pytest.mark.parametrize(("parameter", "halves"), [("sampler", ("tpe", None)), ("scheduler", (None, "asha"))])
def test_no_half_of_a_joint_strategy_can_be_replaced(parameter, halves) -> None:
    with pytest.raises(UserError, match=f"has no {parameter} to replace"):
        resolve_strategy("auto", *halves)


@pytest.mark.parametrize("slots", [1, 3])
def test_a_whole_hyperband_trains_each_epoch_once(tmp_path, slots) -> None:
    executor = SyntheticExecutor(slots=slots)
    study = search(
        tmp_path / "results", scheduler="hyperband", epochs=27, trials=49, executor=executor, files=Unsynced()
    )
    assert len(study.records) == 49
    assert len(executor.trained) == len(set(executor.trained)) == 357
    assert sum(result.resource for trial in study.state.trials for result in trial.results) == 423
    for b, bracket in enumerate(brackets(27, 3)):
        reached = Counter(
            result.resource for trial in study.state.trials if trial.bracket == b for result in trial.results
        )
        assert reached == {resource: n for n, resource in bracket}


def test_population_of_ea_hyperband_was_trained_to_r(tmp_path) -> None:
    runs = brackets(50, 2, min_epochs=2)
    assert len(runs) == 5
    goal = sum(bracket[0][0] for bracket in runs)
    sampler, scheduler = STRATEGIES["ea-hyperband"]
    study = search(
        tmp_path / "results",
        sampler=sampler,
        scheduler=scheduler,
        files=Unsynced(),
        **{"epochs": 50, "eta": 2, "min_epochs": 2, "trials": goal, "mu": 12},
    )
    trials = study.state.trials
    view = StudyView(study.state, study.space, seed=0, goal=goal)
    members = {one.trial for one in Evolution(mu=12).population(view.history)}
    assert members == {trial.number for trial in trials if trial.epochs == 50}
    assert [sum(trials[n].bracket == b for n in members) for b in range(5)] == [bracket[-1][0] for bracket in runs]
    assert len(members) == sum((1, 1, 1, 2, 5))
    parents = {trial.vals.parent for trial in trials if trial.vals.model_based}
    assert parents
    assert parents <= members
    # Before three were trained to R, one in each bracket, all come from the prior; then none.
    assert [trial.vals.model_based for trial in trials] == [trial.bracket >= 3 for trial in trials]


class FirstDraw:
    """A sampler that notes what it is given."""

    def propose(self, n, history, running, rng):
        self.given = (n, history, running, rng.random())
        return Vals({"x": 0.5})


class Decides:
    """A scheduler of one decision."""

    def __init__(self, decision):
        self.decision = decision

    def next(self, view):
        return self.decision

    def rung_levels(self, bracket):
        return (3, 9) if bracket is None else (9,)

    def pauses(self, trial):
        return trial.target_resource < 9


SPACE = compile_space({"x": hp.uniform("x", 0, 1)})


def test_a_proposal_of_the_sampler_is_started():
    view = StudyView(state_of([*trained(0, 1), ended(0)], proposed(1, 1)), SPACE, seed=3, goal=5)
    sampler = FirstDraw()
    strategy = SamplerScheduler(sampler, Decides(Propose(3, bracket=2)))
    assert strategy.next(view, attempt=4) == Start(Vals({"x": 0.5}), 3, bracket=2)
    n, history, running, draw = sampler.given
    assert n == 2
    assert [one.trial for one in history.observations] == [0]
    assert running == [{"x": 0.01}]
    assert draw == view.generator("propose", 4).random()


@pytest.mark.parametrize("decision", [Continue(0, 9), Stop(0), Wait(), Done()])
def test_other_decisions_of_the_scheduler_are_passed_on(decision):
    assert SamplerScheduler(FirstDraw(), Decides(decision)).next(StudyView(state_of(), SPACE, 0, 5)) is decision


def test_rungs_and_pauses_are_those_of_the_scheduler():
    strategy = SamplerScheduler(FirstDraw(), Decides(Wait()))
    assert (strategy.rung_levels(None), strategy.rung_levels(1)) == ((3, 9), (9,))
    assert [strategy.pauses(Trial(0, Vals(), {}, resource)) for resource in (3, 9)] == [True, False]


@pytest.mark.parametrize("slots", [1, 3])
def test_full_population_precedes_the_rungs(tmp_path, slots) -> None:
    sampler, scheduler = STRATEGIES["ea-hyperband"]
    given = {"sampler": sampler, "scheduler": scheduler, "epochs": 9, "mu": 4, "full_population": True, "trials": 20}
    executor = SyntheticExecutor(slots, fails=lambda job: job.trial == 1)
    study = search(tmp_path / "results", executor=executor, files=Unsynced(), **given)
    first = study.state.trials[:5]  # one failed, and was replaced
    assert [trial.status for trial in first] == ["ok", "fail", "ok", "ok", "ok"]
    assert [trial.bracket for trial in first] == [None] * 5
    assert {trial.target_resource for trial in first} == {9}
    later = study.state.trials[5:]
    assert [trial.bracket for trial in later][:2] == [0, 0]
    # The children of the first bracket descend from fully trained trials.
    assert all(trial.vals.parent is not None for trial in later[3:])


class Workers(Simulated):
    """Workers of which no two are equally fast; counts those that are busy while the loop waits."""

    def __init__(self) -> None:
        super().__init__(self.epochs, workers=4)
        self.jobs: set[int] = set()
        self.busy: list[tuple[int, int]] = []  # with the number of trials that were started

    def epochs(self, job):
        self.jobs.add(job.trial)
        for epoch in range(1, 10):
            value = accuracy(job.point, epoch)
            yield {"val_accuracy": value, "val_loss": 1 - value}, 1 + (7 * job.trial % 5) / 3

    def wait(self, handle, timeout=None):
        self.busy.append((len(self._due), len(self.jobs)))
        super().wait(handle, timeout)


@pytest.mark.parametrize("name", with_slow(STRATEGIES, ["auto", "gp", "gp-asha", "pb2"]))
def test_a_free_worker_gets_work_at_once(tmp_path, name) -> None:
    """A bracket of slow trials, and the end of a rung, keep no worker waiting while trials are left to start."""
    sampler, scheduler = STRATEGIES[name]
    executor = Workers()
    search(
        tmp_path / "results",
        executor=executor,
        files=Unsynced(),
        sampler=sampler,
        scheduler=scheduler,
        epochs=9,
        trials=30,
    )
    assert {busy for busy, started in executor.busy if started < 30} == {4}
