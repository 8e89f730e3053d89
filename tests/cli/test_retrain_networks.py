"""Final training of the networks of a plan, its notes and its progress."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from metaopt.cli import retrain_networks
from metaopt.cli.retrain_networks import LOGS, _Progress, train, warn_of_size, why_no_log
from metaopt.cli.retrain_plan import Plan, make_plan
from metaopt.cli.study_inputs import study_data, study_problem
from metaopt.data import DataSet
from metaopt.problems.problem import Problem
from metaopt.storage.study import Study
from metaopt.training.model_file import read_metadata
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


def test_progress_is_printed_every_ten_seconds(capsys, monkeypatch) -> None:
    clock = 0.0
    monkeypatch.setattr(retrain_networks, "monotonic", lambda: clock)
    progress = _Progress(30, "network 1 of 2 · ")
    for epoch in range(1, 31):
        progress.epoch(epoch, 1 / epoch, 4.0)
        clock += 4.0
        progress.step(epoch + 1, 0.99)
    lines = capsys.readouterr().out.splitlines()
    assert [int(line.split()[6]) for line in lines] == [1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 30]
    assert lines[0] == "network 1 of 2 · epoch 1 of 30 · training loss 1.0000 · 4.0 s"


def test_a_long_epoch_shows_how_far_it_is(capsys, monkeypatch) -> None:
    clock = 0.0
    monkeypatch.setattr(retrain_networks, "monotonic", lambda: clock)
    progress = _Progress(2, "")
    for epoch in (1, 2):
        for step in range(1, 26):
            clock += 1.0
            progress.step(epoch, step / 25)
        progress.epoch(epoch, 0.5, 25.0)
    lines = capsys.readouterr().out.splitlines()
    ended = [f"epoch {epoch} of 2 · training loss 0.5000 · 25.0 s" for epoch in (1, 2)]
    assert lines == [
        *("epoch 1 of 2, 40 %", "epoch 1 of 2, 80 %", ended[0]),
        *("epoch 2 of 2, 40 %", "epoch 2 of 2, 80 %", ended[1]),
    ]


@pytest.mark.slow
def test_members_are_exported_as_one_averaging_model(
    study: Study, problem: Problem, data: DataSet, capsys, monkeypatch
) -> None:
    from metaopt.training.export import load_model, predict

    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), dtype=np.uint8)
    together = plan(study, 2)
    predictions = []
    for seed in together.seeds:
        single = replace(together, members=1, seed=seed)
        train(study, single, problem, data, mirror=False)
        predictions.append(predict(*load_model(single.output), images)["label"])
    trained, metadata, log = train(study, together, problem, data, mirror=False)
    assert len(trained) == 2
    assert predict(*load_model(together.output), images)["label"] == pytest.approx(np.mean(predictions, 0), abs=1e-6)
    assert read_metadata(together.output) == metadata
    assert (metadata.training["members"], metadata.training["trial"]) == (2, study.require_best().trial)
    # Each training has its own folder, also several within a second.
    assert len(list((study.folder / LOGS).glob("retrain-*/events*"))) == 2
    assert log is not None
    assert len(list(log.glob("network_[12]/events*"))) == 2


@pytest.mark.slow
def test_training_without_tensorboard_says_that_it_has_no_log(
    study: Study, problem: Problem, data: DataSet, capsys, monkeypatch
) -> None:
    monkeypatch.setattr(retrain_networks, "can_log", lambda: False)
    train(study, plan(study, 1), problem, data, mirror=True)
    assert "note: No TensorBoard log is written: it needs the package tensorboard." in capsys.readouterr().out
    assert not (study.folder / LOGS).exists()
    assert read_metadata(Path("model.keras")).training["mirror"] is True


@pytest.mark.parametrize(
    ("name", "is_installed", "reason"),
    [
        ("results", True, None),
        ("猫", True, None),
        ("results", False, "it needs the package tensorboard"),
        ("caf\udce9", True, "TensorBoard cannot read a folder whose name is not UTF-8"),
    ],
)
def test_missing_log_has_a_reason(tmp_path: Path, name: str, is_installed: bool, reason: str | None) -> None:
    assert why_no_log(tmp_path / name, is_installed) == reason
