"""Evolution: population, parents and children."""

import json
import math
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hyperopt import hp

from metaopt.errors import UserError
from metaopt.samplers import Evolution, History, Observation, Random, Sampler, Vals
from metaopt.spaces import Space, compile_space
from metaopt.zoo.conv_stack import make_space
from tests.samplers.histories import make_history
from tests.samplers.observing import observe
from tests.spaces.checks import check_draw
from tests.spaces.examples import nested

LINE = compile_space({"x": hp.uniform("x", 0, 1), "y": hp.uniform("y", 0, 1)})


def observed(*losses: float | None, violations: dict[int, float] | None = None) -> History:
    """Return a history of trials with these losses, and with x = number / 100."""
    missed = violations or {}
    return History(
        LINE,
        tuple(
            observe(n, Vals({"x": n / 100, "y": 0.5}), loss, feasible=n not in missed, violation=missed.get(n, 0.0))
            for n, loss in enumerate(losses)
        ),
    )


def members(sampler: Evolution, history: History) -> list[int]:
    return [one.trial for one in sampler.population(history)]


def test_plus_selection_keeps_the_best_of_full_generations() -> None:
    sampler = Evolution(mu=3, lambda_=2)
    losses = [5.0, 3.0, 4.0, 9.0, 1.0, 0.5, 0.25]
    assert members(sampler, observed(*losses[:2])) == []
    assert members(sampler, observed(*losses[:3])) == [1, 2, 0]
    assert members(sampler, observed(*losses[:4])) == [1, 2, 0]  # incomplete generation
    assert members(sampler, observed(*losses[:5])) == [4, 1, 2]
    assert members(sampler, observed(*losses[:6])) == [4, 1, 2]
    assert members(sampler, observed(*losses)) == [6, 5, 4]


def test_two_thirds_selection_replaces_the_worst_third() -> None:
    sampler = Evolution(mu=6, lambda_=50, survivors="two-thirds")
    losses = [6.0, 5.0, 4.0, 3.0, 2.0, 1.0, 2.5, 9.0, 0.5]
    assert members(sampler, observed(*losses[:6])) == [5, 4, 3, 2]
    assert members(sampler, observed(*losses[:7])) == [5, 4, 3, 2]
    assert members(sampler, observed(*losses[:8])) == [5, 4, 6, 3]
    assert members(Evolution(mu=1, survivors="two-thirds"), observed(3.0, 2.0)) == [1]


def test_ageing_keeps_the_latest_trials() -> None:
    sampler = Evolution(mu=3, selection="ageing")
    losses = [0.1, 3.0, 4.0, 2.0, 5.0]
    assert members(sampler, observed(*losses[:3])) == [0, 1, 2]
    assert members(sampler, observed(*losses[:4])) == [3, 1, 2]
    assert members(sampler, observed(*losses)) == [3, 2, 4]


def test_failed_trials_are_not_members() -> None:
    for broken in (None, math.nan, math.inf):
        assert members(Evolution(mu=2, lambda_=1), observed(broken, 3.0)) == []
        assert members(Evolution(mu=2, lambda_=1), observed(broken, 3.0, 4.0, broken)) == [1, 2]
        assert members(Evolution(mu=2, selection="ageing"), observed(2.0, broken, 4.0, broken)) == [0, 2]


def test_feasible_members_rank_first_then_by_violation() -> None:
    history = observed(0.1, 0.2, 5.0, 0.3, 9.0, violations={0: 0.5, 1: 0.01, 3: 0.2})
    assert members(Evolution(mu=5), history) == [2, 4, 1, 3, 0]
    assert members(Evolution(mu=3, lambda_=2), history) == [2, 4, 1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mu": 0}, r"Invalid value for mu: 0\. Expected an integer >= 1\."),
        ({"mu": -3}, "mu: -3"),
        ({"lambda_": 0}, "lambda_: 0"),
        ({"tournament": 0}, "tournament: 0"),
        ({"selection": "comma"}, r"selection: comma\. Expected plus or ageing\."),
        ({"parents": "best"}, "Expected tournament or neutral"),
        ({"survivors": "half"}, "Expected best or two-thirds"),
        ({"recombination": 1.5}, r"recombination: 1\.5\. Expected a probability, 0 to 1"),
        ({"width": 0.0}, r"width: 0\.0\. Expected a finite number > 0"),
    ],
)
def test_invalid_settings_are_rejected(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Evolution(**settings)


def test_prior_is_used_until_the_population_is_full() -> None:
    space = compile_space(nested())
    observations = make_history(space, 60).observations
    sampler = Evolution(mu=12, lambda_=4)
    ok = 0
    for n in range(len(observations)):
        vals = sampler.propose(n, History(space, observations[:n]), (), np.random.default_rng(n))
        assert vals.model_based == (ok >= 12)
        assert (vals.parent is not None) == vals.model_based
        assert vals.model_based or vals == space.draw(np.random.default_rng(n))
        ok += observations[n].has_loss


def parents(sampler: Evolution, history: History, times: int = 600) -> Counter[int | None]:
    found = (sampler.propose(99, history, (), np.random.default_rng(seed)).parent for seed in range(times))
    return Counter(found)


def test_neutral_and_tournament_selection_of_parents() -> None:
    history = observed(*[float(n) for n in range(10)])
    neutral = parents(Evolution(mu=10, parents="neutral", recombination=0.0), history)
    assert neutral.keys() == set(range(10))
    assert max(neutral.values()) < 2 * min(neutral.values())
    # The best of 2 of 10 without replacement: member i with probability (9 − i) / 45.
    pairs = parents(Evolution(mu=10, tournament=2, recombination=0.0), history, 2000)
    assert [pairs[i] / 2000 for i in range(10)] == pytest.approx([(9 - i) / 45 for i in range(10)], abs=0.035)
    assert parents(Evolution(mu=10, tournament=10, recombination=0.0), history).keys() == {0}


def test_parent_of_a_recombination_is_the_better_one() -> None:
    line = History(LINE, tuple(observe(n, Vals({"x": n / 16, "y": n / 16}), 9.0 - n) for n in range(10)))
    found = 0
    for seed in range(50):
        child = Evolution(mu=10, parents="neutral", recombination=1.0).propose(
            10, line, (), np.random.default_rng(seed)
        )
        inherited = {value * 16 for value in child.values()}
        if len(inherited) == 2 and inherited <= set(range(10)):  # no mutation
            found += 1
            assert child.parent == max(inherited)
    assert found > 10


def test_recombination_is_the_fraction_with_two_parents() -> None:
    rng = np.random.default_rng(0)
    space = compile_space({f"p{'abcdefgh'[i]}": hp.uniform(f"p{'abcdefgh'[i]}", 0, 1) for i in range(8)})
    draws = [space.draw(rng) for _ in range(10)]
    history = History(space, tuple(observe(n, vals, float(n)) for n, vals in enumerate(draws)))
    values = {(label, value) for vals in draws for label, value in vals.items()}

    def share(sampler: Evolution) -> float:
        children = [sampler.propose(10, history, (), np.random.default_rng(seed)) for seed in range(300)]
        # A mutation has a value that no trial had.
        return float(np.mean([set(child.items()) <= values for child in children]))

    assert share(Evolution(mu=10)) == pytest.approx(0.5, abs=0.08)
    assert share(Evolution(mu=10, recombination=0.0)) == 0
    assert share(Evolution(mu=10, recombination=1.0)) > 0.9


def test_child_equal_to_a_parent_is_mutated() -> None:
    history = History(LINE, tuple(observe(n, Vals({"x": 0.5, "y": 0.5}), 1.0) for n in range(5)))
    for seed in range(30):
        child = Evolution(mu=5).propose(5, history, (), np.random.default_rng(seed))
        assert child != {"x": 0.5, "y": 0.5}
        assert child.parent in range(5)


def test_steps_become_finer_with_generations() -> None:
    def step(n: int) -> float:
        observations = tuple(observe(i, Vals({"x": 0.5, "y": 0.5}), 1.0) for i in range(n))
        sampler = Evolution(mu=10, lambda_=10, width=0.1, recombination=0.0)
        children = [sampler.propose(n, History(LINE, observations), (), np.random.default_rng(s)) for s in range(400)]
        moves = [child[label] - 0.5 for child in children for label in child if child[label] != 0.5]
        return float(np.std(moves))

    assert step(10) == pytest.approx(0.1, rel=0.12)
    assert step(10 + 150) == pytest.approx(0.05, rel=0.12)  # 15 generations: √(1 + 15 / 5) = 2


def minimise(sampler: Sampler, space: Space, loss: Callable[[Any], float], seed: int, trials: int) -> float:
    found: list[Observation] = []
    for n in range(trials):
        vals = sampler.propose(n, History(space, tuple(found)), (), np.random.default_rng([seed, n]))
        found.append(observe(n, vals, loss(space.point(vals))))
    return min(one.result.loss for one in found if one.result.loss is not None)


@pytest.mark.slow
def test_sampler_beats_random_search() -> None:
    """On a space of numbers and choices, and on stacks of blocks; medians over seeds."""
    blocks = [{"channels": hp.qloguniform(f"c{i}", 1, 5, 1), "kernel": hp.uniformint(f"k{i}", 3, 9)} for i in range(10)]
    stacks = compile_space({"blocks": hp.choice("n", [blocks[: n + 1] for n in range(10)])})
    mixed = compile_space(
        {
            "x": hp.loguniform("x", -5, 5),
            "branch": hp.choice("branch", [None, {"y": hp.uniform("y", -2, 2)}]),
            "k": hp.quniform("k", 0, 20, 1),
            "z": hp.uniform("z", 0, 3),
        }
    )

    def stack_loss(point: Any) -> float:
        misses = [math.log(one["channels"] / 20) ** 2 + abs(one["kernel"] - 4) / 6 for one in point["blocks"]]
        return float(np.mean(misses) + abs(len(misses) - 7) / 4)

    def mixed_loss(point: Any) -> float:
        far = 1.0 if point["branch"] is None else (point["branch"]["y"] - 0.3) ** 2
        return float(math.log(point["x"]) ** 2 / 4 + far + 0.1 * abs(point["k"] - 7) + (point["z"] - 1) ** 2)

    seeds = range(7)
    for space, loss in ((stacks, stack_loss), (mixed, mixed_loss)):
        prior = [minimise(Random(), space, loss, seed, 120) for seed in seeds]
        for sampler in (
            Evolution(mu=15, lambda_=5),
            Evolution(mu=15, selection="ageing"),
            Evolution(mu=15, survivors="two-thirds", parents="neutral"),
        ):
            evolved = [minimise(sampler, space, loss, seed, 120) for seed in seeds]
            assert np.median(evolved) < 0.75 * np.median(prior), sampler


def test_population_becomes_feasible_first() -> None:
    """Random search hardly finds feasible points, and low losses are far from the feasible region."""
    space = compile_space({f"p{'abcde'[i]}": hp.uniform(f"p{'abcde'[i]}", 0, 1) for i in range(5)})

    def observed(n: int, vals: Vals) -> Observation:
        violation = max(0.0, 4.2 - sum(vals.values()))
        return observe(n, vals, sum(vals.values()), feasible=violation == 0, violation=violation)

    kept = []
    for sampler in (Evolution(mu=12, lambda_=4), Random()):
        found: list[Observation] = []
        for n in range(200):
            vals = sampler.propose(n, History(space, tuple(found)), (), np.random.default_rng([3, n]))
            found.append(observed(n, vals))
        kept.append(sum(one.result.is_feasible for one in found))
    assert kept[0] > 40
    assert kept[1] < 10


def test_children_of_deep_stacks_are_valid() -> None:
    space = compile_space(make_space(1, 30))
    rng = np.random.default_rng(4)
    history = History(space, tuple(observe(n, space.draw(rng), float(rng.normal())) for n in range(60)))
    for seed in range(40):
        child = Evolution().propose(60, history, (), np.random.default_rng(seed))
        check_draw(space, child)
        json.dumps(child)
        assert child.parent is not None


def test_only_completely_trained_trials_are_members() -> None:
    def shortened(*losses: float, full: Collection[int]) -> History:
        observations = observed(*losses).observations
        return History(LINE, tuple(replace(one, is_complete=one.trial in full) for one in observations))

    sampler = Evolution(mu=3, lambda_=1)
    losses = [1.0, 4.0, 3.0, 2.0, 0.5]
    assert members(sampler, shortened(*losses, full=())) == []
    assert members(sampler, shortened(*losses[:2], full=[1])) == []  # fewer than three have a loss
    assert members(sampler, shortened(*losses, full=[1, 3])) == []  # fewer than three are trained to the end
    assert members(sampler, shortened(*losses, full=[1, 2, 3])) == [3, 2, 1]
    assert members(sampler, shortened(*losses, full=[0, 1, 2, 3])) == [0, 3, 2]
    assert members(Evolution(mu=5), shortened(*losses, full=[1, 2, 3])) == [3, 2, 1]
    assert members(Evolution(mu=2), shortened(*losses, full=[1, 3])) == [3, 1]
    assert members(Evolution(mu=4, selection="ageing"), shortened(*losses, full=[0, 1, 3])) == [0, 3, 1]
    child = sampler.propose(9, shortened(*losses, full=[1, 2, 3]), (), np.random.default_rng(0))
    assert child.parent in (1, 2, 3)
    assert sampler.propose(9, shortened(*losses, full=[1, 3]), (), np.random.default_rng(0)).parent is None
