"""Strategy ``pbt`` on real search loops over virtual trainings."""

from collections import Counter

import pytest
from hyperopt import hp

from metaopt.blueprint import Blueprint, Conv2D, Dense, Dropout, Flatten, Input
from metaopt.engine.setup import ImageKind
from metaopt.engine.view import StudyView
from metaopt.errors import UserError
from metaopt.problems.problem import Problem
from metaopt.storage import journal
from metaopt.storage.files import Unsynced
from metaopt.storage.study import JOURNAL, Study
from metaopt.strategies import PBT
from tests.engine.synthetic import findings
from tests.engine.synthetic import search as synthetic_search
from tests.strategies.populations import EPOCHS, SPACE, Trainings, search

LEVELS = (4, 8, 12, 16, 20)


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    """A population of five, of which two are replaced after each of four intervals."""
    return search(tmp_path_factory.mktemp("pbt") / "results")


def value(trial, epoch):
    return trial.metrics[epoch - 1]["val_accuracy"]


def events(study):
    return [each for each in journal.read(study.folder / JOURNAL).events if each["event"] in ("proposed", "stopped")]


def ranked(study, level, key=lambda accuracy: -accuracy):
    """Return the numbers of the trials that were trained to the end of an interval, the best first."""
    there = [trial for trial in study.state.trials if any(result.resource == level for result in trial.results)]
    return [trial.number for trial in sorted(there, key=lambda trial: key(value(trial, level)))]


def stopped_by_level(study):
    """Return the trials that were replaced at the end of each interval."""
    found = {level: set() for level in LEVELS}
    for number in (event["trial"] for event in events(study) if event["event"] == "stopped"):
        found[study.state.trials[number].results[-1].resource].add(number)
    return found


def test_the_worst_members_are_replaced_by_forks_of_the_best(study):
    trials = study.state.trials
    assert [trial.forked_from is None for trial in trials] == [True] * 5 + [False] * 8
    replaced = stopped_by_level(study)
    for level in LEVELS[:-1]:
        order = ranked(study, level)
        assert len(order) == 5, "all members are compared after the same epochs"
        assert replaced[level] == set(order[3:])
        forks = [trial for trial in trials if trial.forked_from is not None and trial.forked_from[1] == level]
        assert len(forks) == 2
        assert {fork.forked_from[0] for fork in forks} <= set(order[:2])


def test_a_population_is_trained_to_the_end(study):
    assert [trial.complete for trial in study.state.trials].count(True) == 5
    assert study.state.finished
    assert study.state.total_epochs == 5 * EPOCHS
    assert {trial.bracket for trial in study.state.trials} == {0}


def test_a_fork_has_perturbed_hyperparameters_and_its_source_as_parent(study):
    ratios = Counter()
    for trial in study.state.trials[5:]:
        source = study.state.trials[trial.forked_from[0]]
        assert study.records[trial.number].parent == source.number
        ratios[round(trial.vals["rate"] / source.vals["rate"], 6)] += 1
    assert ratios[0.8] + ratios[1.2] >= 4


def test_members_beat_the_best_fixed_hyperparameters(study, tmp_path):
    fixed = synthetic_search(
        tmp_path / "results", space=SPACE, executor=Trainings(), files=Unsynced(), epochs=EPOCHS, trials=5
    )
    assert study.best.loss < fixed.best.loss


def test_next_population_begins_where_trials_are_left(tmp_path):
    study = search(tmp_path / "results", trials=20)
    trials = study.state.trials
    assert Counter(trial.bracket for trial in trials) == {0: 13, 1: 7}
    assert study.state.n_own == 20
    assert [trial.complete for trial in trials].count(True) == 10, "without room for forks, members train on"


def test_a_goal_below_the_population_starts_as_many(tmp_path):
    study = search(tmp_path / "results", trials=3)
    assert [trial.epochs for trial in study.state.trials] == [EPOCHS] * 3
    assert [trial.forked_from for trial in study.state.trials] == [None] * 3


def test_a_finished_study_can_be_enlarged(tmp_path):
    search(tmp_path / "results", trials=3)
    study = search(tmp_path / "results", trials=10)
    assert Counter(trial.bracket for trial in study.state.trials) == {0: 3, 1: 7}
    assert len(study.records) == 10


@pytest.mark.parametrize(("workers", "are_equal"), [(2, False), (5, True), (5, False), (7, False)])
def test_workers_share_a_population(tmp_path, workers, are_equal):
    executor = Trainings(workers, are_equal)
    study = search(tmp_path / "results", executor=executor, trials=20)
    assert len(study.records) == 20
    forks = [trial for trial in study.state.trials if trial.forked_from is not None]
    assert forks
    for trial in forks:
        assert trial.bracket == study.state.trials[trial.forked_from[0]].bracket
        assert (
            trial.metrics[: trial.copied_epochs]
            == study.state.trials[trial.forked_from[0]].metrics[: trial.copied_epochs]
        )


def test_a_running_member_is_forked_where_its_last_interval_ended(tmp_path):
    study = search(tmp_path / "results", executor=Trainings(5), trials=13)
    sources = {trial.number: trial.forked_from for trial in study.state.trials if trial.forked_from}
    ends = [each for each in journal.read(study.folder / JOURNAL).events if each["event"] in ("proposed", "epoch")]
    running = [
        event["trial"]
        for place, event in enumerate(ends)
        if event["event"] == "proposed"
        and event["trial"] in sources
        and any(
            other["event"] == "epoch"
            and other["trial"] == sources[event["trial"]][0]
            and other["epoch"] > sources[event["trial"]][1]
            for other in ends[:place]
        )
    ]
    assert all(sources[number][1] in LEVELS for number in sources)
    assert running, "its source had trained on"


@pytest.mark.parametrize("workers", [1, 3])
def test_a_search_resumes_after_any_crash(tmp_path, workers):
    executor = Trainings(workers, are_equal=workers == 1)
    whole = search(tmp_path / "whole", executor=executor)
    for reports in range(5, executor.reports, 23 if workers == 1 else 40):
        folder = tmp_path / str(reports) / "results"
        with pytest.raises(KeyboardInterrupt):
            search(folder, executor=Trainings(workers, workers == 1, killed_after=reports))
        executor = Trainings(workers, workers == 1)
        executor.resume_with(Study.load(folder))
        study = search(folder, executor=executor)
        assert study.state.total_epochs == whole.state.total_epochs if workers == 1 else study.state.finished
        if workers == 1:  # with several, the order of reports depends on what had been trained at the crash
            assert findings(study) == findings(whole), reports


def test_decisions_do_not_depend_on_the_cache(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path / "results", executor=Trainings(2, killed_after=50))
    study = Study.load(tmp_path / "results")
    strategy = PBT(EPOCHS, 5, 4, 0.4)
    warm = StudyView(study.state, search(tmp_path / "other", trials=1).space, 0, 40)
    decisions = [strategy.next(warm), strategy.next(warm), strategy.next(StudyView(study.state, warm.space, 0, 40))]
    assert decisions[0] == decisions[1] == decisions[2]


def test_failed_members_are_replaced_by_forks(tmp_path):
    """One member diverges before the others are compared, and a fork at once."""
    executor = Trainings(fails=lambda job, epoch: (job.trial, epoch) == (1, 2) or job.trial == 6)
    study = search(tmp_path / "results", executor=executor, trials=15)
    trials = [trial for trial in study.state.trials if trial.bracket == 0]
    assert [trial.number for trial in trials if trial.status == "fail"] == [1, 6]
    assert [trial.number for trial in trials if trial.forked_from is None] == [0, 1, 2, 3, 4]
    assert [trial.complete for trial in trials].count(True) == 5


def test_a_search_of_failures_ends(tmp_path):
    study = search(tmp_path / "results", executor=Trainings(fails=lambda job, epoch: True), trials=12)
    assert [record.status for record in study.records] == ["fail"] * 12


def test_infeasible_members_rank_last(tmp_path):
    class Precise(Trainings):
        def metrics(self, job, accuracy):
            return {"val_precision": 0.2 if accuracy > 0.3 else 0.8}

    study = search(tmp_path / "results", executor=Precise(), constraints=("val_precision>=0.5",))
    replaced = stopped_by_level(study)
    n_infeasible = 0
    for level in LEVELS[:-1]:
        order = ranked(study, level, lambda accuracy: (accuracy > 0.3, -accuracy))
        assert replaced[level] == set(order[3:])
        n_infeasible += sum(value(study.state.trials[number], level) > 0.3 for number in order[3:])
    assert n_infeasible >= 2


def test_several_objectives_rank_members_by_their_fronts(tmp_path):
    class Sized(Trainings):
        def metrics(self, job, accuracy):
            return {"val_loss": 1 - accuracy, "size": 1.0 if job.point["mode"] == "a" else 2.0}

    study = search(tmp_path / "results", executor=Sized(), objective=("val_accuracy", "size:min"))
    assert len(study.records) == 13
    assert any(trial.forked_from is not None for trial in study.state.trials)


def network(point, input_shape, classes):
    inputs = Input(input_shape)
    hidden = Dropout(point["drop"])(Conv2D(round(point["filters"]), 3)(inputs))
    return Blueprint(inputs, Dense(classes["label"])(Flatten()(hidden)))


def test_the_architecture_is_inherited(tmp_path):
    space = {**SPACE, "filters": hp.quniform("filters", 2, 32, 1), "drop": hp.uniform("drop", 0.1, 0.9)}
    study = search(
        tmp_path / "results", problem=Problem(space, network), images=ImageKind((8, 8, 1), {"label": 10}), space=None
    )
    forks = [trial for trial in study.state.trials if trial.forked_from is not None]
    assert len(forks) == 8
    for trial in forks:
        source = study.state.trials[trial.forked_from[0]]
        assert trial.vals["filters"] == source.vals["filters"]
        assert trial.vals["drop"] != source.vals["drop"]
    assert len({trial.vals["filters"] for trial in study.state.trials}) > 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"population": 1}, "population: 1. Expected an integer >= 2."),
        ({"perturbation_interval": 0}, "perturbation_interval: 0. Expected an integer >= 1."),
        ({"quantile": 0.6}, "quantile: 0.6. Expected a number > 0 and <= 0.5."),
        ({"resample": 1.5}, "resample: 1.5. Expected a probability, 0 to 1."),
    ],
)
def test_invalid_settings_are_refused(tmp_path, given, message):
    with pytest.raises(UserError, match=f"Invalid value for {message}"):
        search(tmp_path / "results", **given)


def test_intervals_are_a_tenth_of_the_training():
    assert PBT(100).rung_levels() == tuple(range(10, 101, 10))
    assert PBT(7).rung_levels() == (1, 2, 3, 4, 5, 6, 7)
    assert PBT(10, interval=4).rung_levels() == (4, 8, 10)


def test_budgets_in_seconds_are_refused(tmp_path):
    with pytest.raises(UserError, match="pbt compares its members after epochs: leave budget_unit out"):
        search(tmp_path / "results", budget_unit="seconds")


def test_settings_of_a_population_are_refused_for_other_strategies(tmp_path):
    with pytest.raises(UserError, match=r"population is not read by the sampler tpe: .*\(pbt, pb2\)"):
        search(tmp_path / "results", "tpe", scheduler="full")
