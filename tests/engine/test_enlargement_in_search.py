"""Enlargement behind the samplers of a search."""

import pytest
from hyperopt import hp

from metaopt.errors import UserError
from metaopt.problems.problem import Problem
from tests.engine.synthetic import search
from tests.engine.test_phases import STACK, grown


@pytest.mark.parametrize("sampler", ["random", "tpe", "anneal", "evolution"])
def test_networks_of_every_sampler_are_enlarged(tmp_path, sampler):
    study = grown(tmp_path / "results", sampler=sampler, fill=0.8, constraints=("params<=3e5", "macs<=2e6"), trials=8)
    uses = [max(record["params"] / 3e5, record["macs"] / 2e6) for record in study.records]
    assert len(uses) == 8
    assert all(0.8 <= use <= 1 for use in uses)


@pytest.mark.slow
def test_each_phase_fills_its_own_limit(tmp_path):
    study = grown(tmp_path / "results", STACK, 6, fill=0.8, grow="macs=5e5,1e6,2e6", sampler="evolution")
    assert study.settings["fill"] == 0.8
    bounds = [5e5] * 2 + [1e6] * 2 + [2e6] * 2
    uses = [record["macs"] / bound for record, bound in zip(study.records, bounds, strict=True)]
    assert all(0.8 <= use <= 1 for use in uses)


def test_fill_without_network_function_is_refused(tmp_path):
    problem = Problem({"x": hp.uniform("x", 0, 1)})
    with pytest.raises(UserError, match=r"fill 0.9 needs a problem with network\(\)"):
        search(tmp_path / "results", problem=problem, fill=0.9, constraints=("params<=3e5",))
