"""Evolution while training on the real search loop, over learning curves instead of networks."""

from collections.abc import Callable
from pathlib import Path

import pytest

from metaopt.engine.callbacks import Callback
from metaopt.engine.checkpoints import Checkpoints
from metaopt.engine.jobs import Failed, ForkOf, Job, Report
from metaopt.engine.settings import Settings
from metaopt.engine.setup import open_study
from metaopt.engine.setup import search as run_search
from metaopt.errors import StudyMismatch, UserError
from metaopt.evolving import EvolutionPlan, find_fitness, find_mutations, trace
from metaopt.executors import Simulated
from metaopt.problems.problem import Problem
from metaopt.storage.study import Study
from metaopt.strategies.evolve_training import EVOLVE, EvolveTraining
from tests.engine.synthetic import findings
from tests.evolving.networks import DENSE

PLAN = EvolutionPlan(cycles=3, population=3, runup_epochs=2, cycle_epochs=2, fixing_epochs=1, final_epochs=2)


class Executor(Simulated):
    """The loss falls with the epoch, and faster with Adam; may be killed after a number of reports."""

    def __init__(self, workers=1, killed_after=None, loss: Callable[[Job, int], float] | None = None) -> None:
        super().__init__(
            lambda job: (({"val_loss": (loss or self.loss)(job, epoch)}, 1.0) for epoch in range(1, 99)), workers
        )
        self.jobs: list[Job] = []
        self.reports = 0
        self.killed_after = killed_after

    @staticmethod
    def loss(job, epoch):
        is_better = (job.point["optimizer"] != "SGD") + (job.point["activation_dense_1"] == "elu")
        return 1.0 / (epoch + 3 * is_better)

    def submit(self, job: Job) -> None:
        self.jobs.append(job)
        super().submit(job)

    def wait(self, handle: Callable[[Report], bool], timeout: float | None = None) -> None:
        if self.reports == self.killed_after:
            raise KeyboardInterrupt
        self.reports += 1
        super().wait(handle, timeout)


def search(folder: Path, executor=None, plan=PLAN, fitness="fall and last", mutations=None, seed=0) -> Study:
    executor = Executor() if executor is None else executor
    strategy = EvolveTraining(DENSE, plan, find_mutations(mutations), find_fitness(fitness))
    settings = Settings(
        sampler=EVOLVE, scheduler=EVOLVE, epochs=plan.epochs, trials=plan.trials, objective="val_loss", seed=seed
    )
    problem = Problem(DENSE.space())
    evolution = {"plan": plan.to_json()}
    with open_study(folder, problem, settings, Callback(), evolution=evolution, clock=executor.clock) as study:
        run_search(study, problem, settings, executor, Callback(), keep="needed", trains_itself=True, strategy=strategy)
    return study


def lineage_of(study, plan=PLAN, fitness="fall and last"):
    return trace(study.state.trials, plan, find_fitness(fitness))


@pytest.fixture(scope="module")
def executor():
    return Executor()


@pytest.fixture(scope="module")
def study(tmp_path_factory, executor) -> Study:
    return search(tmp_path_factory.mktemp("evolve") / "results", executor)


def test_each_cycle_has_members_a_fixing_training_and_a_crossover(study):
    assert [trial.bracket for trial in study.state.trials] == [0, *[1] * 5, *[2] * 5, *[3] * 5, 4]
    lineage = lineage_of(study)
    assert [len(cycle.trials) for cycle in lineage.cycles] == [5, 5, 5]
    assert [trial.epochs for trial in lineage.cycles[0].trials] == [4, 4, 4, 5, 5]
    assert lineage.result is lineage.final
    assert lineage.final.epochs == PLAN.epochs
    assert study.state.finished


def test_members_are_forks_of_the_network_with_one_change_each(study):
    first = lineage_of(study).cycles[0]
    assert [member.forked_from for member in first.members] == [(0, 2)] * 3
    assert first.members[0].change == "unchanged"
    assert len({member.change for member in first.members}) == 3
    assert [member.vals.parent for member in first.members] == [0] * 3
    record = study.records[first.members[1].number]
    assert (record.parent, record.change) == (0, first.members[1].change)


@pytest.mark.parametrize("seed", range(4))
def test_each_mutation_has_its_turn_before_any_has_its_next(tmp_path, seed):
    kinds = ["optimizer", "batch size", "L2", "label smoothing", "dropout", "activation"]
    plan = EvolutionPlan(cycles=4, population=4, crossover=False)
    study = search(tmp_path / "results", plan=plan, mutations=kinds, seed=seed)
    changed = []
    for cycle in lineage_of(study, plan).cycles:
        before = DENSE.read(cycle.origin.vals)
        for member in cycle.members[1:]:
            after = DENSE.read(member.vals)
            changed.append(next(label for label in after if after[label] != before[label]).split("_")[0])
    assert len(set(changed[:6])) == len(set(changed[6:])) == 6


def test_the_fittest_goes_on_with_its_configuration(study):
    for cycle in lineage_of(study).cycles:
        assert cycle.winner.number == max(cycle.members, key=lambda member: member.metrics[-1]["val_loss"] * -1).number
        assert cycle.fixing.forked_from == (cycle.winner.number, cycle.winner.epochs)
        assert dict(cycle.fixing.vals) == dict(cycle.winner.vals)


def test_a_crossover_descends_from_the_two_fittest(study):
    cycle = lineage_of(study).cycles[0]
    fittest, second = cycle.ranked[:2]
    assert cycle.child.sources == [fittest.number, second.number]
    assert cycle.child.change.startswith("crossover: ")


def test_a_crossover_is_kept_if_it_is_no_worse(tmp_path):
    plan = EvolutionPlan(cycles=1, population=2, runup_epochs=1, cycle_epochs=1, fixing_epochs=1, final_epochs=1)
    for better, kept in ((0.0, True), (0.1, True), (-0.1, False)):

        def loss(job, epoch, better=better):
            return 1 / epoch - better * (job.trial == 4)

        found = search(tmp_path / str(better), Executor(loss=loss), plan)
        cycle = lineage_of(found, plan).cycles[0]
        assert cycle.is_crossover_kept is kept
        assert cycle.result.number == (4 if kept else 3)
        assert found.state.trials[5].forked_from[0] == cycle.result.number


def test_ties_go_to_the_unchanged(tmp_path):
    found = search(tmp_path / "results", Executor(loss=lambda job, epoch: 1 / epoch))
    assert all(cycle.winner.change == "unchanged" for cycle in lineage_of(found).cycles)


def test_another_fitness_selects_another_member(tmp_path):
    losses = {1: (5.0, 2.0), 2: (1.0, 1.5), 3: (9.0, 3.0)}  # trial → losses of the cycle

    def loss(job, epoch):
        return losses[job.trial][epoch - 3] if job.trial in losses and epoch > 2 else 1.0

    plan = EvolutionPlan(cycles=1, population=3, runup_epochs=2, cycle_epochs=2, fixing_epochs=1, final_epochs=0)
    for fitness, winner in (("fall and last", 3), ("last", 2), (lambda losses: losses[-1], 3)):
        found = search(tmp_path / str(fitness), Executor(loss=loss), plan, fitness)
        assert lineage_of(found, plan, fitness).cycles[0].winner.number == winner


def test_a_cycle_whose_members_all_diverge_is_undone(tmp_path):
    def loss(job, epoch):
        return float("nan") if 6 <= job.trial <= 8 else Executor.loss(job, epoch)

    found = search(tmp_path / "results", Executor(loss=loss))
    first, second, third = lineage_of(found).cycles
    assert [member.status for member in second.members] == ["fail"] * 3
    assert (second.winner, second.fixing, second.child) == (None, None, None)
    assert second.result is first.result
    assert [member.forked_from[0] for member in third.members] == [first.result.number] * 3
    assert found.state.finished


def test_a_member_that_diverges_is_no_winner(tmp_path):
    def loss(job, epoch):
        return float("nan") if job.trial in (2, 3) else 1 / epoch

    found = search(tmp_path / "results", Executor(loss=loss))
    first = lineage_of(found).cycles[0]
    assert first.winner.number == 1
    assert (first.fixing.number, first.child) == (4, None), "nothing to cross it with"


def test_where_the_fixing_training_diverges_the_member_goes_on(tmp_path):
    def loss(job, epoch):
        return float("nan") if job.trial in (4, 5) else 1 / epoch

    cycle = lineage_of(search(tmp_path / "results", Executor(loss=loss))).cycles[0]
    assert cycle.result is cycle.winner


def test_a_run_up_that_diverges_ends_the_search(tmp_path):
    with pytest.raises(
        UserError, match=r"The run-up failed, .*: val_loss became nan in epoch 1\. Choose another optimi"
    ):
        search(tmp_path / "results", Executor(loss=lambda job, epoch: float("nan")))


def test_a_run_up_with_an_error_does_not_blame_the_optimizer(tmp_path):
    executor = Executor()
    executor.submit = lambda job: executor.reported.append(Failed(job.trial, "KeyError", "KeyError: 'a'"))
    executor.wait = lambda handle, timeout=None: [handle(each) for each in executor.reported]
    executor.reported = []
    with pytest.raises(UserError, match=r"there is no trained network to change: KeyError: 'a'\.$"):
        search(tmp_path / "results", executor)


def test_without_an_unchanged_member_all_are_mutated(tmp_path):
    plan = EvolutionPlan(cycles=1, population=3, keep_unchanged=False, crossover=False, fixing_epochs=0)
    first = lineage_of(search(tmp_path / "results", plan=plan), plan).cycles[0]
    assert "unchanged" not in [member.change for member in first.members]
    assert first.result is first.winner


def test_an_evolution_may_have_no_cycles(tmp_path):
    plan = EvolutionPlan(cycles=0, runup_epochs=2, final_epochs=3)
    found = search(tmp_path / "results", plan=plan)
    assert [trial.epochs for trial in found.state.trials] == [2, 5]
    plan = EvolutionPlan(cycles=0, runup_epochs=2, final_epochs=0)
    assert lineage_of(search(tmp_path / "other", plan=plan), plan).result.epochs == 2


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_an_evolution_resumes_after_any_crash(tmp_path, workers):
    """Members are the same however many train at once: they do not depend on each other's results."""
    whole = search(tmp_path / "whole", Executor(workers))
    for reports in range(0, whole.state.total_epochs, 1 if workers == 2 else 7):
        folder = tmp_path / str(reports)
        with pytest.raises(KeyboardInterrupt):
            search(folder, Executor(workers, killed_after=reports))
        study = search(folder, Executor(workers))
        assert study.state.total_epochs == whole.state.total_epochs
        assert findings(study) == findings(whole), reports


def test_the_number_of_workers_does_not_change_what_is_found(study, tmp_path):
    def points(found):
        return [(trial.bracket, trial.point, trial.change) for trial in found.state.trials]

    assert points(search(tmp_path / "results", Executor(workers=4))) == points(study)
    assert points(search(tmp_path / "other", seed=1)) != points(study)


def test_checkpoints_of_sources_are_kept(tmp_path):
    """Each fork finds the checkpoint of its sources; at the end that of the network is left."""
    executor = Executor(workers=2)
    folder = tmp_path / "results"
    submit = executor.submit

    def checking(job: Job) -> None:
        sources = [job.init, job.init.mate] if isinstance(job.init, ForkOf) else []
        assert all(Path(each.checkpoint, "state").is_file() for each in sources if each is not None)
        Path(job.checkpoint).mkdir(parents=True, exist_ok=True)
        Path(job.checkpoint, "state").write_text("")
        submit(job)

    executor.submit = checking
    found = search(folder, executor)
    final = lineage_of(found).final.number
    assert f"{final:06d}" in [path.name for path in (folder / "checkpoints").iterdir()]
    assert len(list((folder / "checkpoints").iterdir())) <= 7
    assert Checkpoints(folder, "needed").directory(final)


def test_another_plan_is_another_study(study):
    with pytest.raises(StudyMismatch, match="evolution"):
        search(study.folder, plan=EvolutionPlan(cycles=2))
