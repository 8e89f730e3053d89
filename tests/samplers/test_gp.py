"""Bayesian optimisation with a Gaussian process."""

import math
from typing import Any

import numpy as np
import pytest
from hyperopt import hp
from scipy.integrate import quad

from metaopt.samplers import GP, TPE, History, Observation, Random
from metaopt.samplers.gp import log_expected_improvement
from metaopt.spaces import Space, compile_space
from tests.samplers.observing import observe
from tests.samplers.test_tpe import at_rungs

LINE = {"x": hp.uniform("x", 0, 1)}


def proposed(history: History, running: Any = (), n: int = 15, sampler: Any = None) -> list[Any]:
    sampler = sampler or GP()
    return [sampler.propose(999, history, running, np.random.default_rng([seed, 1])) for seed in range(n)]


def trained(space: Space, loss: Any, n: int = 25, **more: Any) -> History:
    rng = np.random.default_rng(4)
    draws = [space.draw(rng) for _ in range(n)]
    return History(space, tuple(observe(number, vals, loss(vals), **more) for number, vals in enumerate(draws)))


@pytest.mark.parametrize("z", [4.0, 1.0, 0.0, -1.0, -5.0, -0.999, -1.001, -10.0, -30.0, -100.0])
def test_log_expected_improvement_equals_its_integral(z: float) -> None:
    """E = ∫ t·φ(t − z) dt over t > 0. The factor exp(−z²/2) is taken out to avoid underflow."""
    integral, _ = quad(lambda t: t * math.exp(-(t**2) / 2 + z * t), 0, 40 / max(1.0, abs(z)) + max(0.0, 2 * z) + 10)
    expected = math.log(integral) - z**2 / 2 - 0.5 * math.log(2 * math.pi)
    found = log_expected_improvement(0.5, np.array([0.5 - 2 * z]), np.array([2.0]))
    assert found[0] - math.log(2) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.slow
def test_prior_is_used_before_startup() -> None:
    space = compile_space(LINE)
    assert not any(vals.model_based for vals in proposed(trained(space, lambda vals: vals["x"], 9)))
    assert all(vals.model_based for vals in proposed(trained(space, lambda vals: vals["x"], 10)))


@pytest.mark.slow
def test_losses_of_short_trainings_guide_the_search() -> None:
    """Only two trials have reached the largest budget, and only the first rung shows the optimum."""
    history = at_rungs(compile_space(LINE), {1: 30, 9: 2}, lambda x, budget: abs(x - 0.3) - math.log(budget))
    assert np.median([vals["x"] for vals in proposed(history)]) == pytest.approx(0.3, abs=0.07)


@pytest.mark.slow
def test_largest_budget_counts_if_rungs_disagree() -> None:
    best = {1: 0.2, 9: 0.8}
    history = at_rungs(compile_space(LINE), {1: 40, 9: 15}, lambda x, budget: abs(x - best[budget]))
    assert np.median([vals["x"] for vals in proposed(history)]) == pytest.approx(0.8, abs=0.1)


def test_running_trials_are_not_proposed_again() -> None:
    space = compile_space({name: hp.uniform(name, 0, 1) for name in "xyz"})
    history = trained(space, lambda vals: (vals["x"] - 0.4) ** 2 + (vals["y"] - 0.6) ** 2, 10)
    alone = GP().propose(999, history, (), np.random.default_rng(0))
    beside = GP().propose(999, history, [alone], np.random.default_rng(0))
    assert math.dist(alone.values(), beside.values()) > 0.1


@pytest.mark.slow
def test_infeasible_trials_with_good_losses_are_avoided() -> None:
    space = compile_space(LINE)
    rng = np.random.default_rng(2)
    draws = [space.draw(rng) for _ in range(40)]
    history = History(
        space,
        tuple(
            observe(n, vals, vals["x"], feasible=vals["x"] > 0.6, violation=max(0.0, 0.6 - vals["x"]))
            for n, vals in enumerate(draws)
        ),
    )
    assert 0.55 < np.median([vals["x"] for vals in proposed(history)]) < 0.75


@pytest.mark.slow
def test_duplicates_are_skipped_while_there_are_others() -> None:
    space = compile_space({"a": hp.choice("a", list(range(4))), "b": hp.quniform("b", -0.49, 4.49, 1)})
    rng = np.random.default_rng(7)
    unlike = {tuple(vals.values()): vals for vals in (space.draw(rng) for _ in range(300))}
    *known, left = unlike.values()
    history = History(space, tuple(observe(n, vals, vals["b"]) for n, vals in enumerate(known)))
    assert all(vals == left for vals in proposed(history))


@pytest.mark.slow
def test_model_with_a_subsample_of_observations() -> None:
    space = compile_space(LINE)
    history = trained(space, lambda vals: abs(vals["x"] - 0.62), 150)
    found = [vals["x"] for vals in proposed(history, sampler=GP(most=30))]
    assert np.median(found) == pytest.approx(0.62, abs=0.02)


@pytest.mark.slow
def test_gp_needs_fewer_trials_than_joint_tpe() -> None:
    space = compile_space({name: hp.uniform(name, -1, 1) for name in "wxyz"})
    best = dict(zip("wxyz", (0.3, -0.6, 0.1, 0.7), strict=True))

    def lowest(sampler: Any, seed: int) -> float:
        found: list[Observation] = []
        for n in range(30):
            vals = sampler.propose(n, History(space, tuple(found)), (), np.random.default_rng([seed, n]))
            found.append(observe(n, vals, sum((vals[name] - best[name]) ** 2 for name in best)))
        return min(one.result.loss or 0.0 for one in found)

    gp, density, prior = (
        np.median([lowest(sampler, seed) for seed in range(3)]) for sampler in (GP(), TPE(is_joint=True), Random())
    )
    assert gp < 0.75 * density
    assert density < prior
