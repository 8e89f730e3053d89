"""Adapters between the samplers and hyperopt."""

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hyperopt import STATUS_FAIL, STATUS_OK, Trials, fmin, hp
from hyperopt.base import JOB_STATE_DONE, JOB_STATE_RUNNING, Domain, trials_from_docs

from metaopt.samplers import GP, SAMPLERS, History, Observation, Random, Sampler, Vals
from metaopt.samplers._documents import DocumentReader
from metaopt.samplers._hyperopt import _make_document, _make_domain, ask, suggest
from metaopt.spaces import Space, compile_space
from tests.marks import with_slow
from tests.spaces.examples import EXAMPLES

EXPRESSION = {"x": hp.uniform("x", 0, 1), "c": hp.choice("c", [None, hp.randint("r", 2, 5)])}


@pytest.fixture(scope="module")
def space() -> Space:
    return compile_space(EXPRESSION)


class Recording(Sampler):
    """A random sampler that records its arguments."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, list[int], int]] = []

    def propose(self, n: int, history: History, running: Any, rng: np.random.Generator) -> Vals:
        self.calls.append((n, [one.trial for one in history.observations], len(running)))
        return Random().propose(n, history, running, rng)


def test_ask_passes_ranks_as_losses_in_the_order_of_trials(space: Space) -> None:
    seen: dict[str, Any] = {}

    def algorithm(new_ids: list[int], domain: Domain, trials: Trials, seed: int) -> list[dict[str, Any]]:
        seen.update(ids=new_ids, losses=trials.losses(), xs=trials.vals["x"], seed=seed)
        return [_make_document(new_ids[0], space, {"x": np.float64(0.5), "c": 0}, {})]

    ranked = [(9, Vals({"x": 0.9, "c": 0})), (2, Vals({"x": 0.2, "c": 0})), (5, Vals({"x": 0.5, "c": 0}))]
    vals = ask(algorithm, space, ranked, np.random.default_rng(0))
    assert vals == {"x": 0.5, "c": 0}
    assert type(vals["x"]) is float
    assert seen["ids"] == [3]
    assert seen["xs"] == [0.2, 0.5, 0.9]  # by trial number
    assert seen["losses"] == [1.0, 2.0, 0.0]  # by rank
    assert seen["seed"] == np.random.default_rng(0).integers(2**31)


def test_suggested_trials_are_running_for_later_ones(space: Space) -> None:
    done = _make_document(0, space, {"x": 0.1, "c": 0}, {"status": STATUS_OK, "loss": 1.0})
    running = {**_make_document(1, space, {"x": 0.2, "c": 0}, {}), "state": JOB_STATE_RUNNING}
    trials, sampler = trials_from_docs([done, running], validate=False), Recording()
    docs = suggest(sampler, [2, 3], Domain(None, EXPRESSION), trials, 7)
    assert sampler.calls == [(2, [0], 1), (3, [0], 2)]
    assert [doc["tid"] for doc in docs] == [2, 3]
    for doc in docs:
        assert all(len(value) in (0, 1) for value in doc["misc"]["vals"].values())
        assert doc["misc"]["vals"].keys() == set(space.labels)
    again = suggest(Recording(), [2, 3], Domain(None, EXPRESSION), trials, 7)
    assert [doc["misc"]["vals"] for doc in again] == [doc["misc"]["vals"] for doc in docs]


def test_observations_are_sorted_and_failed_trials_have_no_loss(space: Space) -> None:
    vals = {"x": 0.1, "c": 1, "r": 3}
    results: list[dict[str, Any]] = [
        {"status": STATUS_OK, "loss": np.float32(2.5)},
        {"status": STATUS_FAIL, "loss": 1.0},
        {"status": STATUS_OK, "loss": None},
    ]
    docs = [_make_document(tid, space, vals, result) for tid, result in enumerate(results)]
    found, running = DocumentReader(space).read(trials_from_docs(docs[::-1], validate=False).trials)
    assert not running
    assert [one.trial for one in found] == [0, 1, 2]
    assert [one.has_loss for one in found] == [True, False, False]
    assert all(one.vals == vals for one in found)


def test_document_has_empty_lists_for_inactive_labels(space: Space) -> None:
    doc = _make_document(4, space, {"x": 0.5, "c": 0}, {"loss": 1.0})
    assert doc["misc"]["vals"] == {"x": [0.5], "c": [0], "r": []}
    assert doc["misc"]["idxs"] == {"x": [4], "c": [4], "r": []}
    assert (doc["state"], doc["tid"], doc["result"]) == (JOB_STATE_DONE, 4, {"loss": 1.0})


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name not in ("constant", "operations")])
def test_domain_has_the_parameters_and_conditions_of_the_space(name: str) -> None:
    space = compile_space(EXAMPLES[name]())
    domain = compile_space(_make_domain(space).expr)
    assert {one.label: one.conditions for one in domain.parameters} == {
        one.label: one.conditions for one in space.parameters
    }


WIDE = {
    "seed": hp.randint("x", 2**32),
    "negative": hp.randint("x", -(10**12), 10**12),
    "int64": hp.randint("x", 2**63),
    "beyond_int64": hp.randint("x", 2**64),
    "steps": hp.qloguniform("x", -300, 300, 1e-200),
}


@pytest.mark.parametrize("name", with_slow(SAMPLERS, ["gp"]))
@pytest.mark.parametrize("range_", WIDE)
def test_wide_ranges_are_searched_in_bounded_memory(name: str, range_: str) -> None:
    space = compile_space({"x": WIDE[range_], "y": hp.uniform("y", 0, 1)})
    low, high = space.by_label["x"].distribution.bounds
    observations: list[Observation] = []
    for trial in range(22):  # two beyond the random start
        if trial == 21:
            tracemalloc.start()
        rng = np.random.default_rng(trial)
        sampler = GP(draws=50, mutants=25) if name == "gp" else SAMPLERS[name]()
        vals = sampler.propose(trial, History(space, tuple(observations)), [], rng)
        assert low <= vals["x"] <= high
        observations.append(Observation.of(trial, vals, float(vals["y"])))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100e6


@pytest.mark.parametrize("name", ["tpe", "anneal"])
@pytest.mark.parametrize("low", [0, -5, 10**6])
def test_wide_randint_is_modelled_as_ordered(name: str, low: int) -> None:
    """Its proposals are those of a uniform number, rounded."""
    high = low + 10**6
    xs = np.random.default_rng(0).integers(low, high, 30).tolist()

    def propose(expression: Any) -> list[float]:
        space = compile_space({"x": expression})
        seen = tuple(Observation.of(trial, Vals({"x": x}), abs(x - low - 7e5)) for trial, x in enumerate(xs))
        generators = map(np.random.default_rng, range(10))
        return [SAMPLERS[name]().propose(30, History(space, seen), [], rng)["x"] for rng in generators]

    proposals = propose(hp.randint("x", low, high))
    assert all(isinstance(x, int) for x in proposals)
    assert proposals == pytest.approx(propose(hp.uniform("x", low, high)), abs=2)


@pytest.mark.parametrize("name", with_slow(SAMPLERS, ["gp"]))
def test_np_seterr_of_a_user_does_not_reach_samplers(name: str) -> None:
    space = {"x": hp.uniform("x", -3, 3), "lr": hp.loguniform("lr", -9, 0), "q": hp.quniform("q", 1, 100, 1)}
    with np.errstate(all="raise"):
        trials = Trials()
        fmin(
            lambda point: point["x"] ** 2 + point["lr"],
            space,
            algo=SAMPLERS[name]().suggest,
            max_evals=30,
            trials=trials,
            rstate=np.random.default_rng(0),
            show_progressbar=False,
        )
    assert len(trials.trials) == 30
