"""TPE of hyperopt."""

from typing import Any

import numpy as np
import pytest
from hyperopt import Trials, hp, tpe
from hyperopt.base import Domain, trials_from_docs

from metaopt.samplers import TPE, History, Observation, Random, Sampler
from metaopt.samplers._hyperopt import _make_document
from metaopt.spaces import Space, compile_space
from tests.samplers.histories import make_history
from tests.samplers.observing import observe
from tests.spaces.examples import EXAMPLES


def as_trials(history: History) -> Trials:
    docs = [
        _make_document(tid, history.space, one.vals, {"status": "ok", "loss": one.result.loss})
        for tid, one in enumerate(history.observations)
    ]
    return trials_from_docs(docs, validate=False)


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name != "constant"])
def test_proposals_equal_those_of_hyperopt(name: str) -> None:
    expression = EXAMPLES[name]()
    space = compile_space(expression)
    rng = np.random.default_rng(0)
    history = History(space, tuple(observe(n, space.draw(rng), float(rng.normal())) for n in range(60)))
    settings: dict[str, Any] = {"gamma": 0.5, "prior_weight": 2.0}
    for seed in range(5):
        ours = TPE(startup=20, candidates=10, **settings).propose(60, history, (), np.random.default_rng(seed))
        number = int(np.random.default_rng(seed).integers(2**31))
        (theirs,) = tpe.suggest(
            [60], Domain(None, expression), as_trials(history), number, n_EI_candidates=10, verbose=False, **settings
        )
        vals = {label: value[0] for label, value in theirs["misc"]["vals"].items() if len(value)}
        assert ours == pytest.approx(vals)


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
    found = [TPE().propose(60, history, (), np.random.default_rng(seed))["x"] for seed in range(20)]
    assert 0.58 < np.median(found) < 0.85


def test_proposals_keep_away_from_running_trials() -> None:
    space = compile_space({"x": hp.uniform("x", 0, 1)})
    rng = np.random.default_rng(3)
    draws = [space.draw(rng) for _ in range(40)]
    history = History(space, tuple(observe(n, vals, (vals["x"] - 0.5) ** 2) for n, vals in enumerate(draws)))

    def distance(running: list[Any]) -> float:
        found = [TPE().propose(40, history, running, np.random.default_rng(seed))["x"] for seed in range(40)]
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


def test_sampler_beats_random_search() -> None:
    space = compile_space(
        {
            "x": hp.loguniform("x", -5, 5),
            "branch": hp.choice("branch", [None, {"y": hp.uniform("y", -2, 2)}]),
            "k": hp.quniform("k", 0, 20, 1),
        }
    )
    seeds = range(7)
    model = [minimise(TPE(startup=15), space, seed) for seed in seeds]
    prior = [minimise(Random(), space, seed) for seed in seeds]
    assert np.median(model) < 0.6 * np.median(prior)
