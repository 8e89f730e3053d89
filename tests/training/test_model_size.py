"""Measured sizes of exported models."""

import pytest

from metaopt.data import DataSet
from metaopt.engine.jobs import FromScratch, Job, TrainingOptions, TrainingRequest
from metaopt.training.fit import build_and_train
from metaopt.training.model_size import needs_model_bytes
from metaopt.training.network_refused import NetworkRefused
from metaopt.trials.constraints import parse_constraints
from tests.training import tiny_problem

pytestmark = pytest.mark.slow


def train(data: DataSet, **options: object) -> dict:
    request = TrainingRequest(Job(0, {}, FromScratch(), 1, options=TrainingOptions(**options)))  # type: ignore[arg-type]
    return build_and_train(tiny_problem, {}, data, epochs=1, run=request)


def test_size_is_measured_where_a_search_asks(tiny: DataSet) -> None:
    record = train(tiny, constraints=parse_constraints(["model_bytes<=1MB"]))
    assert 4 * record["params"] < record["model_bytes"] < 1_000_000
    assert "model_bytes" not in train(tiny)


def test_measuring_changes_no_training(tiny: DataSet) -> None:
    measured = train(tiny, further_objectives=("model_bytes",))
    assert measured["history"]["val_loss"] == train(tiny)["history"]["val_loss"]


def test_larger_models_are_refused_before_training(tiny: DataSet) -> None:
    with pytest.raises(NetworkRefused, match=r"model_bytes: The exported model has .* bytes, limit model_bytes<=20000"):
        train(tiny, constraints=parse_constraints(["model_bytes<=20kB"]))


def test_only_searches_that_ask_measure() -> None:
    assert needs_model_bytes(TrainingOptions(further_objectives=("params", "model_bytes")))
    assert not needs_model_bytes(TrainingOptions(constraints=parse_constraints(["params<=5"])))
