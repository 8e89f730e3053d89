"""Final training of the networks of a plan, and their model."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from metaopt.cli.retrain_held_out import HeldOut
from metaopt.cli.retrain_log import new_log
from metaopt.cli.retrain_networks import FinalTraining, build_model, describe_origin, train, warn_of_size
from metaopt.cli.retrain_plan import Plan, make_plan
from metaopt.cli.study_inputs import study_data, study_problem
from metaopt.data import DataSet
from metaopt.problems.problem import Problem
from metaopt.storage.study import Study
from metaopt.trials.constraints import parse_constraints


@pytest.fixture
def study(studies: Path) -> Study:
    return Study.load("tpe")


@pytest.fixture
def problem(study: Study) -> Problem:
    return study_problem(study)


@pytest.fixture
def data(study: Study) -> DataSet:
    return study_data(study)


def plan(study: Study, members: int) -> Plan:
    return make_plan(study, None, 2, 0, Path("model.keras"), members=members)


@pytest.mark.parametrize(("members", "noted"), [(1, False), (2, False), (3, True)])
def test_note_if_networks_together_violate_a_constraint(
    study: Study, problem: Problem, data: DataSet, capsys, monkeypatch, members: int, noted: bool
) -> None:
    own = study.require_best()["params"]
    monkeypatch.setattr(Study, "constraints", property(lambda self: parse_constraints([f"params<={2 * own}"])))
    warn_of_size(plan(study, members), problem, study.constraints, data)
    note = f"note: 3 networks have {3 * own:,} params together, which violates params<={2 * own}.\n"
    assert capsys.readouterr().out == (note if noted else "")


def test_no_note_if_one_network_alone_violates_it(
    study: Study, problem: Problem, data: DataSet, capsys, monkeypatch
) -> None:
    monkeypatch.setattr(Study, "constraints", property(lambda self: parse_constraints(["params<=10", "seconds<=9"])))
    warn_of_size(plan(study, 3), problem, study.constraints, data)
    keras = replace(problem, network=None, build_model=lambda *_: None)
    warn_of_size(plan(study, 3), keras, study.constraints, data)
    warn_of_size(replace(plan(study, 3), point={}), problem, study.constraints, data)  # the training reports it
    assert capsys.readouterr().out == ""


@pytest.mark.slow
def test_members_are_exported_as_one_averaging_model(study: Study, problem: Problem, data: DataSet, capsys) -> None:
    from metaopt.training.export import predict

    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), dtype=np.uint8)
    final, together = FinalTraining(study, problem, data, HeldOut()), plan(study, 2)

    def run(each: Plan, log: Path | None = None):
        trained = train(final, each, log)
        model, metadata = build_model(final, trained, describe_origin(final, each))
        assert len(trained) == each.members
        return predict(model, metadata, images)["label"], metadata

    predictions = [run(replace(together, members=1, seed=seed))[0] for seed in together.seeds]
    log = new_log(study.folder)
    predicted, metadata = run(together, log)
    assert predicted == pytest.approx(np.mean(predictions, 0), abs=1e-6)
    assert (metadata.training["members"], metadata.training["trial"]) == (2, study.require_best().trial)
    assert len(list(log.glob("network_[12]/events*"))) == 2
