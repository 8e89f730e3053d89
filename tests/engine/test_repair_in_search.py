"""Repair behind the sampler of a search: trained points are recorded, and a resumed search repairs the same."""

import pytest

from metaopt.engine.jobs import Epoch, Finished
from metaopt.engine.setup import ImageKind
from metaopt.errors import UserError
from metaopt.problems.problem import Problem
from metaopt.spaces import compile_space
from metaopt.zoo import conv_stack
from tests.engine.synthetic import SyntheticExecutor, findings, search

SPACE = compile_space(conv_stack.make_space(12, 12))
PROBLEM = Problem(SPACE, conv_stack.network, conv_stack.training, name="stack")


class Anything(SyntheticExecutor):
    """The accuracy of every network is 1 − its learning rate."""

    def wait(self, handle, timeout=None):
        job = self.jobs.popleft()
        self.trained.append((job.trial, job.point))
        handle(Epoch(job.trial, 1, {"val_accuracy": 1 - job.point["learning_rate"]}, 0.1))
        handle(Finished(job.trial))


def stack_search(folder, trials, executor=None, constraints=("params<=1e6", "macs<=2e7"), side=32):
    return search(
        folder,
        problem=PROBLEM,
        images=ImageKind((side, side, 3), {"label": 10}),
        executor=executor or Anything(),
        trials=trials,
        epochs=1,
        constraints=constraints,
    )


@pytest.mark.slow
def test_repaired_trials_keep_limits_and_are_recorded(tmp_path):
    executor = Anything()
    study = stack_search(tmp_path / "results", 8, executor)
    assert [point for _, point in executor.trained] == [SPACE.point(record["vals"]) for record in study.records]
    assert len(study.records) == len(study.trials.trials) == 8
    assert all(record["params"] <= 1e6 and record["macs"] <= 2e7 and record["feasible"] for record in study.records)
    assert all(len(record["space"]["blocks"]) == 12 for record in study.records)
    # Each was repaired at once: redrawing until one passes would prefer shallow stacks.
    assert sum(study.state.rejected.values()) <= 8
    assert study.state.rejected["invalid architecture"] > 3


@pytest.mark.slow
def test_resumed_search_repairs_like_an_uninterrupted_one(tmp_path):
    whole = stack_search(tmp_path / "whole", 6)
    stack_search(tmp_path / "parts", 3)
    parts = stack_search(tmp_path / "parts", 6)
    assert findings(whole) == findings(parts)


@pytest.mark.slow
def test_impossible_limits_end_the_search(tmp_path):
    with pytest.raises(UserError, match=r"No network of the space passes.*the smallest macs reached is [\d,]+"):
        stack_search(tmp_path / "results", 3, constraints=("macs<=1000",), side=8)
