"""Strategy ``auto`` on real search loops."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hyperopt import hp

from metaopt.engine.jobs import Epoch
from metaopt.engine.strategy import STRATEGIES
from metaopt.engine.view import StudyView
from metaopt.errors import UserError
from metaopt.schedulers import Start
from metaopt.spaces import compile_space
from metaopt.storage.files import Unsynced
from metaopt.storage.record_files import file_name
from metaopt.storage.study import JOURNAL, Study
from metaopt.strategies import Auto, study_model
from metaopt.strategies.candidates import make_candidates
from metaopt.strategies.study_model import StudyModel
from metaopt.trials.record import Record
from metaopt.zoo import conv_stack
from tests.engine.synthetic import InOneGo, SyntheticExecutor, findings
from tests.engine.synthetic import search as synthetic_search
from tests.spaces.examples import EXAMPLES

SAMPLER, SCHEDULER = STRATEGIES["auto"]
EPOCHS = 9


def search(folder, **given):
    return synthetic_search(
        folder, **{"sampler": SAMPLER, "scheduler": SCHEDULER, "epochs": EPOCHS, "files": Unsynced(), **given}
    )


@pytest.mark.slow
@pytest.mark.parametrize("slots", [1, 3])
def test_a_search_ends_at_its_goal_and_trains_no_epoch_twice(tmp_path, slots) -> None:
    executor = SyntheticExecutor(slots=slots)
    study = search(tmp_path / "results", trials=14, executor=executor)
    assert len(study.records) == 14
    assert study.state.finished
    assert not study.state.running
    assert max(epoch for _, epoch in executor.trained) == EPOCHS
    assert len(set(executor.trained)) == len(executor.trained)
    assert any(record["complete"] and record["epochs"] == EPOCHS for record in study.records)


@pytest.mark.slow
def test_some_trials_are_left_at_a_rung(tmp_path) -> None:
    study = search(tmp_path / "results", trials=16)
    complete = sum(record["epochs"] == EPOCHS for record in study.records)
    assert 1 <= complete <= 12
    assert {trial.results[-1].resource for trial in study.state.trials} <= set(Auto(EPOCHS).rung_levels())


@pytest.mark.slow
def test_an_interrupted_search_finds_the_same(tmp_path) -> None:
    for epochs in (20, 50):
        with pytest.raises(KeyboardInterrupt):
            search(tmp_path / f"parts{epochs}", trials=14, executor=SyntheticExecutor(interrupted_after=epochs))
    whole = findings(search(tmp_path / "whole", trials=14))
    for epochs in (20, 50):
        assert not Study.load(tmp_path / f"parts{epochs}").state.finished
        assert findings(search(tmp_path / f"parts{epochs}")) == whole


class Slower(SyntheticExecutor):
    """Trains as the others, on a machine whose epochs take another time each."""

    def wait(self, handle, timeout=None) -> None:
        def delayed(report):
            if isinstance(report, Epoch):
                report = replace(report, seconds=report.seconds * (1 + 7 * ((report.trial * 31 + report.epoch) % 5)))
            return handle(report)

        super().wait(delayed, timeout)


@pytest.mark.slow
def test_deterministic_decisions_depend_on_no_measured_time(tmp_path) -> None:
    found = [
        findings(search(tmp_path / name, trials=14, deterministic=True, executor=executor))
        for name, executor in (("fast", SyntheticExecutor()), ("slow", Slower()))
    ]
    assert [(one["vals"], one["epochs"]) for one in found[0]] == [(one["vals"], one["epochs"]) for one in found[1]]


@pytest.mark.slow
def test_decisions_do_not_depend_on_the_cache(tmp_path) -> None:
    study = search(tmp_path / "results", trials=14, executor=SyntheticExecutor(slots=2))
    strategy = Auto(EPOCHS, startup=4)
    warm = StudyView(study.state, study.space, 0, 40)
    decisions = [strategy.next(warm), strategy.next(warm), strategy.next(StudyView(study.state, study.space, 0, 40))]
    assert decisions[0] == decisions[1] == decisions[2]
    assert isinstance(strategy.next(warm, attempt=3), Start)


@pytest.mark.slow
def test_a_search_survives_failed_trials(tmp_path) -> None:
    executor = SyntheticExecutor(fails=lambda job: job.trial % 3 == 0)
    study = search(tmp_path / "results", trials=14, executor=executor)
    assert sum(record["status"] == "fail" for record in study.records) == 5
    assert any(record["complete"] for record in study.records)


def test_a_search_of_failures_ends(tmp_path) -> None:
    study = search(tmp_path / "results", trials=10, executor=SyntheticExecutor(fails=lambda job: True))
    assert len(study.records) == 10


@pytest.mark.slow
def test_reasons_of_decisions_are_in_the_journal(tmp_path) -> None:
    search(tmp_path / "results", trials=14)
    lines = [json.loads(line) for line in (tmp_path / "results" / JOURNAL).read_text().splitlines()]
    by_event = {
        name: [line for line in lines if line["event"] == name] for name in ("proposed", "continued", "stopped")
    }
    assert all(0 <= line["reason"]["chance_of_best"] <= 1 for line in by_event["proposed"] if line["model_based"])
    assert any(line["model_based"] for line in by_event["proposed"])
    assert by_event["continued"]
    assert all(0 <= line["reason"]["chance_of_best"] <= 1 for line in by_event["continued"])
    assert all(line["reason"]["chance_of_best"] <= 0.1 for line in by_event["stopped"])


@pytest.mark.slow
def test_a_trial_is_left_once_at_each_rung_where_another_was_taken(tmp_path) -> None:
    study = search(tmp_path / "results", trials=14, executor=SyntheticExecutor(slots=2))
    for trial in study.state.trials:
        pauses = [result.resource for result in trial.results if result.resource < EPOCHS]
        left = [one.resource for one in trial.decisions if one.kind == "left"]
        assert len(left) == len(set(left))
        assert set(left) <= set(pauses)
        assert len([one for one in trial.decisions if one.kind in ("started", "resumed")]) == len(trial.results)
    assert any(one.kind == "left" for trial in study.state.trials for one in trial.decisions)


@pytest.mark.slow
def test_figures_of_decisions_have_the_units_of_the_objective(tmp_path) -> None:
    study = search(tmp_path / "results", trials=14)
    decisions = [one for trial in study.state.trials for one in trial.decisions]
    assert {type(value) for one in decisions for value in one.reason.values()} == {float}
    judged = [one for one in decisions if "chance_of_best" in one.reason]
    assert all(-1.5 < one.reason["predicted_loss"] < 0 for one in judged)
    assert all(0 < one.reason["deviation"] < 1 for one in judged)
    resumed = [one for one in judged if one.kind == "resumed"]
    assert all(one.reason["check"] == one.resource for one in resumed)
    for one in [one for one in judged if "taken_rate" in one.reason and "improvement_rate" in one.reason]:
        assert one.reason["improvement_rate"] <= one.reason["taken_rate"]
    late = [one for one in resumed if one.resource == EPOCHS]
    errors = [
        abs(one.reason["predicted_loss"] - t.results[-1].loss)
        for t in study.state.trials
        for one in t.decisions
        if one in late
    ]
    assert np.median(errors) < 0.1


@pytest.mark.slow
def test_records_on_disk_have_the_decision_that_left_them(tmp_path) -> None:
    study = search(tmp_path / "results", trials=14)
    for record in study.records:
        stored = json.loads((study.folder / file_name(record)).read_text())
        assert stored.get("decisions", []) == [decision.to_json() for decision in record.decisions]
        assert Record.from_json(stored).decisions == record.decisions


class Precise(InOneGo):
    """Accuracy grows with x, and precision falls with it: the best feasible x is 0.6."""

    def metrics(self, job, epoch):
        x = job.point["x"]
        return {"val_accuracy": x * (1 - 0.5**epoch), "val_loss": 1 - x, "val_precision": (1 - x) * (1 - 0.5**epoch)}


@pytest.mark.slow
def test_measured_constraints_are_met(tmp_path) -> None:
    space = {"x": hp.uniform("x", 0, 1), "y": hp.uniform("y", 0, 1)}
    study = search(
        tmp_path / "results", space=space, trials=20, executor=Precise(), constraints=("val_precision>=0.4",)
    )
    best = study.best
    assert best is not None
    assert 0.5 < best["vals"]["x"] < 0.61
    later = [trial.vals["x"] for trial in study.state.trials[12:]]
    assert np.mean([0.4 < x < 0.8 for x in later]) > 0.6, "new trials gather at the limit"


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES)
def test_every_space_can_be_searched(tmp_path, example) -> None:
    class Norm(InOneGo):
        def metrics(self, job, epoch):
            value = 1 / (1 + len(str(job.point)) + 1 / epoch)
            return {"val_accuracy": value, "val_loss": 1 - value}

    study = search(tmp_path / "results", space=EXAMPLES[example](), trials=12, executor=Norm(), startup=3)
    assert study.state.finished
    assert all(trial.vals.keys() == study.space.active(trial.vals) for trial in study.state.trials)


@pytest.mark.slow
def test_every_second_new_trial_is_a_draw_and_no_mutation(tmp_path) -> None:
    """With many parameters, mutations of the best trials would otherwise be all that is tried."""
    space = {f"x{number}": hp.uniform(f"x{number}", 0, 1) for number in range(20)}

    class Sum(InOneGo):
        def metrics(self, job, epoch):
            value = sum(job.point.values()) / 20
            return {"val_accuracy": value, "val_loss": 1 - value}

    study = search(tmp_path / "results", space=space, trials=18, executor=Sum(), startup=8)
    tried: list[dict] = []
    shared = []
    for trial in study.state.trials:
        if trial.number >= 8:
            shared.append(max(len(trial.vals.items() & other.items()) for other in tried))
        tried.append(trial.vals)
    assert max(shared[::2]) == 0, "draws share no value with an earlier trial"
    assert np.mean(shared[1::2]) > 5, "mutations share most"


def test_candidates_of_a_deep_stack_are_mostly_mutations() -> None:
    space = compile_space(conv_stack.space)
    rng = np.random.default_rng(0)
    best = [space.draw(rng) for _ in range(4)]
    found = make_candidates(space, best, lambda vals: False, rng)
    alike = [max(len(vals.items() & parent.items()) / len(vals) for parent in best) for vals in found]
    assert np.mean(np.array(alike) > 0.6) > 0.5
    assert len(found) <= 100


@pytest.mark.parametrize(
    ("resource", "least", "levels"),
    [
        (27, 1, (2, 3, 5, 9, 15, 27)),
        (9, 1, (2, 3, 5, 9)),
        (1, 1, (1,)),
        (2, 1, (2,)),
        (3, 1, (2, 3)),
        (50, 5, (5, 9, 16, 28, 50)),
        (10, 10, (10,)),
    ],
)
def test_rungs_descend_by_the_root_of_three(resource, least, levels) -> None:
    assert Auto(resource, least).rung_levels() == levels


def test_first_rung_above_r_is_an_error() -> None:
    with pytest.raises(UserError, match="min_epochs 4, is above the full resource"):
        Auto(3, 4)


@pytest.mark.slow
def test_the_best_paused_trials_resume(tmp_path) -> None:
    study = search(tmp_path / "results", trials=16)
    first = [trial.results[0].loss for trial in study.state.trials[:4]]
    resumed = [len(trial.results) > 1 for trial in study.state.trials[:4]]
    assert resumed[int(np.argmin(first))]
    assert not resumed[int(np.argmax(first))]


class Wide(InOneGo):
    """More workers than running trials in the model; the first trial ends, then all others run."""

    def __init__(self) -> None:
        super().__init__(slots=30)

    def metrics(self, job, epoch):
        return {"val_accuracy": 0.5 + job.point["x"] / 10 + epoch / 100}


@pytest.mark.slow
def test_of_many_running_trials_the_latest_are_in_the_model(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(study_model, "_MOST_RUNNING", 20)
    sizes = []
    believe = StudyModel._believe

    def noting(model, *arguments):
        sizes.append(len(model.running))
        return believe(model, *arguments)

    monkeypatch.setattr(StudyModel, "_believe", noting)
    study = search(tmp_path / "results", space={"x": hp.uniform("x", 0, 1)}, trials=36, executor=Wide())
    assert len(study.records) == 36
    assert max(sizes) == 20
