"""Strategies on a table of networks that were really trained; see benchmarks/tabular.py, whose table lies outside."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from metaopt.spaces import compile_space

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "tabular.py"
SEEDS = 30


@pytest.fixture(scope="module")
def tabular() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tabular", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["tabular"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    if not module.TABLE.exists():
        pytest.skip(f"the table of real learning curves is not there: {module.TABLE}")
    return module


def test_the_table_is_what_its_readme_says(tabular: ModuleType) -> None:
    errors = tabular.best_errors()
    assert len(errors) == 864
    assert errors[0] == pytest.approx(0.3647, abs=1e-4)
    assert (tabular.threshold(0.01), tabular.threshold(0.05)) == pytest.approx((0.4039, 0.4392), abs=1e-4)
    assert ((errors <= tabular.threshold(0.01)).sum(), (errors <= tabular.threshold(0.05)).sum()) == (11, 49)
    costs = [sum(found.seconds) for found in tabular.table().values()]
    assert np.mean(costs) == pytest.approx(tabular.FULL_TRAINING_S, abs=0.01)


def test_every_network_of_the_table_is_a_point_of_the_space(tabular: ModuleType) -> None:
    space, rng = compile_space(tabular.SPACE), np.random.default_rng(0)
    drawn = {id(tabular.network(space.point(space.draw(rng)))) for _ in range(12_000)}
    assert len(drawn) == 864


def test_going_on_from_a_rung_pays_for_the_new_epochs_only(tabular: ModuleType) -> None:
    course = tabular.run("hyperband", seed=0, budget=1000, trials=49)
    assert (course.trials, course.epochs) == (49, 357)


@pytest.mark.slow
def test_ea_hyperband_is_no_worse_than_random_search_at_equal_cost(tabular: ModuleType) -> None:
    def regret(strategy: str) -> float:
        return float(np.mean([tabular.run(strategy, seed, 20).error(20) for seed in range(SEEDS)]))

    assert regret("ea-hyperband") <= regret("random")
