"""TPE with joint densities: budgets, feasibility and interactions."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hyperopt import hp

from metaopt.samplers import TPE, History, JointTPE, Random
from metaopt.spaces import Space, compile_space
from tests.samplers.observing import observe
from tests.samplers.test_tpe import minimise


def at_rungs(space: Space, rungs: dict[int, int], value: Any) -> History:
    """Return trials with ``rungs``: budget → number of trials that reached it, and losses ``value(x, budget)``."""
    rng = np.random.default_rng(4)
    found = []
    for n in range(max(rungs.values())):
        vals = space.draw(rng)
        losses = tuple((budget, value(vals["x"], budget)) for budget, count in sorted(rungs.items()) if n < count)
        full = losses[-1][0] == max(rungs)
        found.append(observe(n, vals, losses[-1][1], losses[-1][0], losses=losses, full=full))
    return History(space, tuple(found))


def proposals(history: History, n: int = 30, sampler: Any = None) -> list[Any]:
    sampler = sampler or JointTPE(random_fraction=0.0)
    return [sampler.propose(999, history, (), np.random.default_rng([seed, 1])) for seed in range(n)]


def as_if_at(history: History, budget: int) -> History:
    """Return the same trials with the result at one budget only."""
    there = {one.trial: one for one in history.at(budget).observations}
    gone = [observe(one.trial, one.vals, None, full=False) for one in history.observations if one.trial not in there]
    return History(history.space, tuple(sorted([*there.values(), *gone], key=lambda one: one.trial)))


@pytest.mark.parametrize("sampler", [JointTPE(random_fraction=0.0), TPE(startup=4)], ids=["joint", "plain"])
def test_model_uses_the_largest_budget_with_enough_trials(sampler: Any) -> None:
    space = compile_space({"x": hp.uniform("x", 0, 1)})  # d = 1: four trials are sufficient
    for budget, rungs in {9: {1: 40, 3: 20, 9: 4}, 3: {1: 40, 3: 20, 9: 3}, 1: {1: 40, 3: 3, 9: 2}}.items():
        history = at_rungs(space, rungs, lambda x, budget: abs(x - {1: 0.1, 3: 0.5, 9: 0.9}[budget]))
        assert proposals(history, sampler=sampler) == proposals(as_if_at(history, budget), sampler=sampler)


@pytest.mark.parametrize("sampler", [JointTPE(), TPE(startup=10)], ids=["joint", "plain"])
def test_losses_at_other_budgets_do_not_count(sampler: Any) -> None:
    space = compile_space({"x": hp.uniform("x", 0, 1), "k": hp.randint("k", 5)})
    rungs = {1: 60, 3: 30, 9: 4}
    straight = at_rungs(space, rungs, lambda x, budget: x)
    other = at_rungs(space, rungs, lambda x, budget: x if budget == 3 else -1e9 * x * budget)
    assert proposals(straight, sampler=sampler) == proposals(other, sampler=sampler)


def test_prior_is_used_without_enough_trials_at_any_budget() -> None:
    space = compile_space({"x": hp.uniform("x", 0, 1), "y": hp.uniform("y", 0, 1)})  # d + 3 = 5
    assert not any(vals.model_based for vals in proposals(at_rungs(space, {1: 4, 3: 2}, lambda x, _: x)))
    assert all(vals.model_based for vals in proposals(at_rungs(space, {1: 5, 3: 2}, lambda x, _: x)))


def test_early_stopped_trial_counts_at_every_later_budget() -> None:
    space = compile_space({"x": hp.uniform("x", 0, 1)})
    history = at_rungs(space, {3: 30, 9: 3}, lambda x, budget: x)
    assert len(history.at(9).observations) == 3
    early = [observe(30 + n, space.draw(np.random.default_rng(n)), 0.3, 3, losses=((3, 0.3),)) for n in range(5)]
    at_nine = History(space, (*history.observations, *early)).at(9)
    assert [one.trial for one in at_nine.observations] == [0, 1, 2, 30, 31, 32, 33, 34]
    assert all(one.result.resource == 9 for one in at_nine.observations)


def test_random_fraction_of_proposals_is_not_model_based() -> None:
    space = compile_space({"x": hp.uniform("x", 0, 1)})
    history = at_rungs(space, {1: 40, 3: 10}, lambda x, budget: x)
    found = proposals(history, 400, JointTPE(random_fraction=1 / 3))
    model = [vals["x"] for vals in found if vals.model_based]
    prior = [vals["x"] for vals in found if not vals.model_based]
    assert len(prior) / len(found) == pytest.approx(1 / 3, abs=0.08)
    assert np.mean(prior) == pytest.approx(0.5, abs=0.1)
    assert np.mean(model) < 0.3


def test_infeasible_trials_with_good_losses_are_avoided() -> None:
    space = compile_space({"x": hp.uniform("x", 0, 1)})
    rng = np.random.default_rng(2)
    draws = [space.draw(rng) for _ in range(60)]
    history = History(
        space,
        tuple(
            observe(n, vals, vals["x"], feasible=vals["x"] > 0.6, violation=max(0.0, 0.6 - vals["x"]))
            for n, vals in enumerate(draws)
        ),
    )
    assert 0.55 < np.median([vals["x"] for vals in proposals(history)]) < 0.85


def test_interaction_of_two_parameters_is_modelled() -> None:
    """The loss depends only on the difference of both parameters."""
    space = compile_space({"x": hp.uniform("x", 0, 1), "y": hp.uniform("y", 0, 1)})
    rng = np.random.default_rng(6)
    draws = [space.draw(rng) for _ in range(200)]
    history = History(space, tuple(observe(n, v, abs(v["x"] - v["y"])) for n, v in enumerate(draws)))

    def apart(sampler: Any) -> float:
        return float(np.median([abs(vals["x"] - vals["y"]) for vals in proposals(history, 40, sampler)]))

    assert apart(JointTPE(random_fraction=0.0)) < 0.6 * apart(TPE())


def test_duplicates_are_skipped_while_there_are_others() -> None:
    space = compile_space({"a": hp.choice("a", list(range(4))), "b": hp.quniform("b", -0.49, 4.49, 1)})
    rng = np.random.default_rng(7)
    unlike = {tuple(vals.values()): vals for vals in (space.draw(rng) for _ in range(300))}
    *trained, left = unlike.values()
    history = History(space, tuple(observe(n, vals, vals["b"]) for n, vals in enumerate(trained)))
    found = proposals(history, sampler=JointTPE(random_fraction=0.0, candidates=400))
    assert all(vals == left for vals in found)


def test_sampler_beats_random_search() -> None:
    space = compile_space(
        {
            "x": hp.loguniform("x", -5, 5),
            "branch": hp.choice("branch", [None, {"y": hp.uniform("y", -2, 2)}]),
            "k": hp.quniform("k", 0, 20, 1),
        }
    )
    model = [minimise(JointTPE(), space, seed) for seed in range(7)]
    prior = [minimise(Random(), space, seed) for seed in range(7)]
    assert np.median(model) < 0.6 * np.median(prior)


def test_feasibility_of_a_trial_at_each_rung() -> None:
    one = observe(
        0, compile_space({"x": hp.uniform("x", 0, 1)}).draw(np.random.default_rng(0)), 0.1, 9,
        losses=((1, 0.3), (3, 0.2), (9, 0.1)), violations=(0.5, 0.0, 0.0),
    )  # fmt: skip
    assert [(r.resource, r.loss, r.is_feasible, r.violation) for r in (there.result for there in one.at_each_rung)] == [
        (1, 0.3, False, 0.5),
        (3, 0.2, True, 0.0),
        (9, 0.1, True, 0.0),
    ]
    assert one.at(1) == one.at_each_rung[0]
    assert one.at(27) == replace(one, results=(replace(one.results[-1], resource=27),))
