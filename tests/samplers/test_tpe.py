"""TPE: start, running and infeasible trials, budgets, both models, and independence of earlier proposals."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hyperopt import Trials, hp, tpe
from hyperopt.base import Domain, trials_from_docs
from scipy.stats import ks_2samp

from metaopt.samplers import TPE, History, Observation, Random, Sampler
from metaopt.samplers._hyperopt import _make_document
from metaopt.samplers._joint import get_joint_model
from metaopt.samplers._univariate import get_univariate_model
from metaopt.spaces import Space, compile_space
from tests.samplers.histories import make_history
from tests.samplers.observing import observe
from tests.spaces.examples import EXAMPLES

MODELS = pytest.mark.parametrize("sampler", [TPE(is_joint=False), TPE(is_joint=True)], ids=["univariate", "joint"])


def as_trials(history: History) -> Trials:
    docs = [
        _make_document(tid, history.space, one.vals, {"status": "ok", "loss": one.result.loss})
        for tid, one in enumerate(history.observations)
    ]
    return trials_from_docs(docs, validate=False)


@pytest.mark.slow
def test_proposals_have_the_distribution_of_those_of_hyperopt() -> None:
    """Two parameters are left out: the densities of hyperopt at 0 of a qlognormal and a qloguniform are wrong."""
    expression = EXAMPLES["every_distribution"]()
    expression = {name: node for name, node in expression.items() if name not in ("qlognormal", "qloguniform")}
    space = compile_space(expression)
    rng = np.random.default_rng(0)
    history = History(space, tuple(observe(n, space.draw(rng), float(rng.normal())) for n in range(60)))
    trials, domain, seeds = as_trials(history), Domain(None, expression), range(120)
    ours = [TPE().propose(60, history, (), np.random.default_rng(seed)) for seed in seeds]
    theirs = [tpe.suggest([60], domain, trials, seed, verbose=False)[0]["misc"]["vals"] for seed in seeds]
    for label in space.labels:
        p = ks_2samp([vals[label] for vals in ours], [vals[label][0] for vals in theirs], method="asymp").pvalue
        assert p > 1e-4, label


@MODELS
def test_proposals_do_not_depend_on_earlier_ones(sampler: TPE) -> None:
    """A resumed search, which reads all trials at once, proposes what an uninterrupted one does."""
    space = compile_space(EXAMPLES["shared"]())
    at_rungs = [
        observe(
            number,
            space.draw(np.random.default_rng([1, number])),
            0.5,
            losses=tuple((rung, (number * 7919 % 31) / rung) for rung in (1, 3, 9)[: 1 + number % 3]),
            full=number % 3 == 2,
        )
        for number in range(60)
    ]
    fresh = History(space, tuple(at_rungs))
    get_univariate_model.cache_clear()
    get_joint_model.cache_clear()
    resumed = sampler.propose(60, fresh, (), np.random.default_rng(0))
    get_univariate_model.cache_clear()
    get_joint_model.cache_clear()
    for n in range(22, 60):  # trials end in another order, and continue later
        known = [one.at_each_rung[0] for one in at_rungs[:n][::-1] if one.trial % 4 != n % 4]
        earlier = History(space, tuple(sorted(known, key=lambda one: one.trial)))
        sampler.propose(n, earlier, (), np.random.default_rng(n))
    assert sampler.propose(60, fresh, (), np.random.default_rng(0)) == resumed


def test_joint_model_is_used_once_a_trial_was_stopped_early() -> None:
    space = compile_space(EXAMPLES["blocks"]())
    draws = [space.draw(np.random.default_rng(n)) for n in range(30)]
    whole = History(space, tuple(observe(n, vals, n % 7) for n, vals in enumerate(draws)))
    paused = History(space, (*whole.observations[:-1], observe(29, draws[29], 1.0, full=False)))
    for history, is_joint in ((whole, False), (paused, True)):
        found = TPE().propose(30, history, (), np.random.default_rng(0))
        assert found == TPE(is_joint=is_joint).propose(30, history, (), np.random.default_rng(0))
        assert found != TPE(is_joint=not is_joint).propose(30, history, (), np.random.default_rng(0))


def test_prior_is_used_until_enough_trials_have_a_loss() -> None:
    space = compile_space(EXAMPLES["nested"]())
    observations = make_history(space, 60).observations
    ok = 0
    for n in range(len(observations)):
        vals = TPE(startup=12).propose(n, History(space, observations[:n]), (), np.random.default_rng(n))
        assert vals.model_based == (ok >= 12)
        assert vals.model_based or vals == space.draw(np.random.default_rng(n))
        ok += observations[n].has_loss


def test_model_needs_one_trial_even_without_startup() -> None:
    space = compile_space(EXAMPLES["nested"]())
    assert not TPE(startup=0).propose(0, History(space), (), np.random.default_rng(0)).model_based
    one = History(space, (observe(0, space.draw(np.random.default_rng(1)), 0.5),))
    assert TPE(startup=0).propose(1, one, (), np.random.default_rng(0)).model_based


@MODELS
def test_infeasible_trials_with_good_losses_are_avoided(sampler: TPE) -> None:
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
    found = [sampler.propose(60, history, (), np.random.default_rng(seed))["x"] for seed in range(20)]
    assert 0.55 < np.median(found) < 0.85


@MODELS
def test_proposals_keep_away_from_running_trials(sampler: TPE) -> None:
    space = compile_space({"x": hp.uniform("x", 0, 1)})
    rng = np.random.default_rng(3)
    draws = [space.draw(rng) for _ in range(40)]
    history = History(space, tuple(observe(n, vals, (vals["x"] - 0.5) ** 2) for n, vals in enumerate(draws)))

    def distance(running: list[Any]) -> float:
        found = [sampler.propose(40, history, running, np.random.default_rng(seed))["x"] for seed in range(40)]
        return float(np.median([abs(x - 0.5) for x in found]))

    assert distance([space.restrict({"x": 0.5 + step / 200}) for step in range(-4, 5)]) > 2 * distance([])


def minimise(sampler: Sampler, space: Space, seed: int, trials: int = 60) -> float:
    """Return the best loss of a small search over a branch and three numbers."""

    def loss(point: Any) -> float:
        far = 1.0 if point["branch"] is None else (point["branch"]["y"] - 0.3) ** 2
        return float(np.log(point["x"]) ** 2 / 4 + far + 0.1 * abs(point["k"] - 7))

    found: list[Observation] = []
    for n in range(trials):
        vals = sampler.propose(n, History(space, tuple(found)), (), np.random.default_rng([seed, n]))
        found.append(observe(n, vals, loss(space.point(vals))))
    return min(one.result.loss for one in found if one.result.loss is not None)


@MODELS
def test_sampler_beats_random_search(sampler: TPE) -> None:
    space = compile_space(
        {
            "x": hp.loguniform("x", -5, 5),
            "branch": hp.choice("branch", [None, {"y": hp.uniform("y", -2, 2)}]),
            "k": hp.quniform("k", 0, 20, 1),
        }
    )
    seeds = range(7)
    model = [minimise(sampler, space, seed) for seed in seeds]
    prior = [minimise(Random(), space, seed) for seed in seeds]
    assert np.median(model) < 0.6 * np.median(prior)


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
    sampler = sampler or TPE(is_joint=True)
    return [sampler.propose(999, history, (), np.random.default_rng([seed, 1])) for seed in range(n)]


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
    found = proposals(history, 400, TPE(random_fraction=1 / 3))
    model = [vals["x"] for vals in found if vals.model_based]
    prior = [vals["x"] for vals in found if not vals.model_based]
    assert len(prior) / len(found) == pytest.approx(1 / 3, abs=0.08)
    assert np.mean(prior) == pytest.approx(0.5, abs=0.1)
    assert np.mean(model) < 0.3


def test_interaction_of_two_parameters_is_modelled() -> None:
    """The loss depends only on the difference of both parameters."""
    space = compile_space({"x": hp.uniform("x", 0, 1), "y": hp.uniform("y", 0, 1)})
    rng = np.random.default_rng(6)
    draws = [space.draw(rng) for _ in range(200)]
    history = History(space, tuple(observe(n, v, abs(v["x"] - v["y"])) for n, v in enumerate(draws)))

    def apart(sampler: Any) -> float:
        return float(np.median([abs(vals["x"] - vals["y"]) for vals in proposals(history, 40, sampler)]))

    assert apart(TPE(is_joint=True)) < 0.6 * apart(TPE(is_joint=False))


def test_duplicates_are_skipped_while_there_are_others() -> None:
    space = compile_space({"a": hp.choice("a", list(range(4))), "b": hp.quniform("b", -0.49, 4.49, 1)})
    rng = np.random.default_rng(7)
    unlike = {tuple(vals.values()): vals for vals in (space.draw(rng) for _ in range(300))}
    *trained, left = unlike.values()
    history = History(space, tuple(observe(n, vals, vals["b"]) for n, vals in enumerate(trained)))
    found = proposals(history, sampler=TPE(startup=10, is_joint=True, joint_candidates=400))
    assert all(vals == left for vals in found)


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


@MODELS
@pytest.mark.parametrize(
    ("rungs", "budget"), [({1: 40, 3: 20, 9: 4}, 9), ({1: 40, 3: 20, 9: 3}, 3), ({1: 40, 3: 3}, 1)]
)
def test_good_trials_are_the_best_at_the_largest_common_budget(
    sampler: TPE, rungs: dict[int, int], budget: int
) -> None:
    space = compile_space({"x": hp.uniform("x", 0, 1)})  # d = 1: four trials are sufficient
    best = {1: 0.1, 3: 0.5, 9: 0.9}
    history = at_rungs(space, rungs, lambda x, budget: abs(x - best[budget]))
    ranked = get_univariate_model(space).table.rank(history, (), 4)
    expected = history.comparable(4).ranked()
    assert {one.result.resource for one in expected} == {budget}
    observed = [history.observations[position].vals["x"] for position in ranked.find_best(len(expected))]
    assert observed == [one.vals["x"] for one in expected]
    assert all(vals.model_based for vals in proposals(history, 3, sampler))


@MODELS
def test_losses_at_smaller_budgets_of_good_trials_do_not_count(sampler: TPE) -> None:
    space = compile_space({"x": hp.uniform("x", 0, 1), "k": hp.randint("k", 5)})
    rungs = {1: 60, 3: 30, 9: 4}
    straight = at_rungs(space, rungs, lambda x, budget: x)
    other = at_rungs(space, rungs, lambda x, budget: x if budget == 3 else -1e9 * x * budget)
    assert proposals(straight, sampler=sampler) == proposals(other, sampler=sampler)


def test_trials_that_were_not_promoted_count_as_bad() -> None:
    """Both promoted halves have one density; trials that stay at the first rung tell them apart."""
    space = compile_space({"x": hp.uniform("x", 0, 1)})
    xs = np.linspace(0.05, 0.95, 20).tolist()
    promoted = [
        observe(n, space.restrict({"x": x}), 0.5, losses=((1, 0.5), (9, abs(abs(x - 0.5) - 0.25))))
        for n, x in enumerate(xs)
    ]
    stopped = [observe(20 + n, space.restrict({"x": 0.02 * n}), 0.9, losses=((1, 0.9),), full=False) for n in range(25)]
    found = proposals(History(space, (*promoted, *stopped)), 60)
    assert np.mean([vals["x"] > 0.5 for vals in found]) > 0.8
