"""Population over a search: the survivors that the sampler itself had, and their table."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from metaopt.engine.jobs import Job
from metaopt.engine.setup import ImageKind
from metaopt.problems.problem import Problem
from metaopt.report.analysis.population import find_population, write_table
from metaopt.report.analysis.study_data import StudyData
from metaopt.samplers import Evolution
from metaopt.zoo import conv_stack
from tests.engine.synthetic import InOneGo, SyntheticExecutor, search
from tests.report.making import make_record, study_of


class Rated(InOneGo):
    """The lower the learning rate, the better the network."""

    def metrics(self, job: Job, epoch: int) -> dict[str, float]:
        return {"val_accuracy": 1 - job.point["learning_rate"] * epoch}


EVOLVED: dict = {"sampler": "evolution", "mu": 4, "lambda_": 3, "epochs": 9, "trials": 40}
LIMIT = "val_loss<=0.3"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> StudyData:
    """An evolution of 40 trials under a measured limit."""
    return StudyData.of(search(tmp_path_factory.mktemp("evolved") / "bred", constraints=(LIMIT,), **EVOLVED))


SEARCHES: dict[str, dict] = {
    "evolution": {},
    "ea-hyperband": {"scheduler": "hyperband"},
    "asha": {"scheduler": "asha"},
    "grow": {"space": conv_stack.make_space(1, 12), "grow": "blocks=1,2,4", "epochs": 1},
}


@pytest.mark.parametrize("name", SEARCHES)
@pytest.mark.parametrize("slots", [1, 3])
def test_survivors_are_those_of_the_sampler(tmp_path: Path, monkeypatch, name: str, slots: int) -> None:
    if (name, slots) == ("grow", 3):
        pytest.skip("the phase follows from proposals, of which a study keeps no time")
    settings = {**EVOLVED, **SEARCHES[name]}
    observed: list[tuple[int, tuple[int, ...]]] = []
    population = Evolution.population

    def observe(self, history):
        found = population(self, history)
        observed.append((len(history.observations), tuple(one.trial for one in found)))
        return found

    monkeypatch.setattr(Evolution, "population", observe)
    executor = SyntheticExecutor(slots, fails=lambda job: job.trial % 7 == 5 and job.start > 0)
    if name == "grow":
        problem = Problem(settings.pop("space"), conv_stack.network, conv_stack.training)
        executor, images = Rated(), ImageKind((16, 16, 3), {"label": 10})
        study = search(tmp_path / "results", problem=problem, executor=executor, images=images, **settings)
    else:
        study = search(tmp_path / "results", executor=executor, constraints=(LIMIT,), **settings)
    monkeypatch.undo()
    found = find_population(StudyData.of(study))
    assert found is not None
    # A phase leaves trials out of the history: there the survivors alone are compared.
    in_search = [(n if name != "grow" else 0, members) for n, members in dict.fromkeys(observed) if members]
    steps = [
        (step.n_trials if name != "grow" else 0, tuple(record.trial for record in step.members)) for step in found.steps
    ]
    assert len({members for _, members in in_search}) >= 3
    rest = iter(steps)
    assert all(each in rest for each in in_search)  # in the same order


def test_means_are_those_of_the_survivors(data: StudyData) -> None:
    found = find_population(data)
    assert found is not None
    assert found.metrics == ["val_accuracy", "val_loss"]
    assert np.all(np.diff(found.seconds) >= 0)
    last = found.steps[-1]
    assert len(last.members) == 4
    # The executor's loss is one minus its accuracy.
    accuracies = [-record.result.values[0] for record in last.members]
    assert found.mean["val_accuracy"][-1] == pytest.approx(np.mean(accuracies))
    assert found.mean["val_loss"][-1] == pytest.approx(1 - np.mean(accuracies))
    assert found.best["val_accuracy"][-1] == max(accuracies) == pytest.approx(1 - found.best["val_loss"][-1])


def test_table_has_a_line_for_each_step(data: StudyData) -> None:
    found = find_population(data)
    assert found is not None
    rows = list(csv.DictReader(io.StringIO(write_table([("a, b", found), ("c", found)]))))
    assert [row["study"] for row in rows] == ["a, b"] * len(found.steps) + ["c"] * len(found.steps)
    last = rows[-1]
    names = ["study", "seconds", "trials", "survivors", "best_trial"]
    scores = ["best_val_accuracy", "mean_val_accuracy", "best_val_loss", "mean_val_loss"]
    assert list(last) == [*names, *scores]
    assert (last["trials"], last["survivors"]) == ("40", "4")
    assert float(last["mean_val_loss"]) == pytest.approx(found.mean["val_loss"][-1], abs=1e-5)


def test_imported_trials_are_survivors(data: StudyData) -> None:
    changes: dict = {"score": 0.999, "imported": True, "clock": 0.0}
    imported = [make_record(40 + i, **changes) for i in range(4)]
    found = find_population(data.of_records([*data.records, *imported]))
    assert found is not None
    assert {record.trial for record in found.steps[0].members} == {40, 41, 42, 43}


@pytest.mark.parametrize("sampler", [None, "tpe", "gone"])
def test_other_samplers_have_no_population(sampler: str | None) -> None:
    settings = {} if sampler is None else {"sampler": sampler, "scheduler": "full"}
    assert find_population(replace(study_of(make_record(trial) for trial in range(30)), settings=settings)) is None


@pytest.mark.slow
def test_thousands_of_trials_have_some_hundred_steps(data: StudyData) -> None:
    records = tuple(make_record(trial, clock=float(trial)) for trial in range(2000))
    found = find_population(replace(data, records=records, constraints=()))
    assert found is not None
    assert 300 < len(found.steps) <= 400
    assert found.steps[-1].n_trials == 2000
