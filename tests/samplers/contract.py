"""Contract of samplers; ``test_contract`` runs it over every sampler. A fixture ``name`` gives the sampler's name."""

import copy
import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from metaopt import samplers
from metaopt.samplers import TPE, History, Sampler, Vals
from metaopt.spaces import compile_space
from tests.samplers.histories import make_history, with_further_objective
from tests.samplers.observing import observe
from tests.spaces.examples import EXAMPLES

ROOT = Path(__file__).parents[2]


def make_joint_tpe() -> Sampler:
    return TPE(is_joint=True)


SAMPLERS = {**samplers.SAMPLERS, "joint-tpe": make_joint_tpe}


def proposals(name: str, n: int, running: int = 0) -> list[Vals]:
    """Return the proposals of a sampler for all example spaces."""
    found = []
    for example in EXAMPLES.values():
        space = compile_space(example())
        rng = np.random.default_rng(9)
        in_training = [space.draw(rng) for _ in range(running)]
        history = make_history(space, n)
        found.append(SAMPLERS[name]().propose(3 * n, history, in_training, np.random.default_rng(1)))
    return found


def test_proposals_are_points_of_the_space(name: str) -> None:
    for n, running in ((0, 0), (1, 0), (5, 2), (60, 4)):
        for example, vals in zip(EXAMPLES.values(), proposals(name, n, running), strict=True):
            space = compile_space(example())
            assert isinstance(vals, Vals)
            assert vals.keys() == space.active(vals)
            assert all(space.by_label[label].distribution.match(value) == value for label, value in vals.items())
            json.dumps(space.point(vals))


def test_proposals_under_two_objectives_are_points_of_the_space(name: str) -> None:
    for label in ("blocks", "nested"):
        space = compile_space(EXAMPLES[label]())
        for n in (1, 5, 60):
            history = with_further_objective(make_history(space, n))
            found = [SAMPLERS[name]().propose(3 * n, history, (), np.random.default_rng(1)) for _ in range(2)]
            assert found[0] == found[1]
            assert found[0].keys() == space.active(found[0])
            json.dumps(space.point(found[0]))


def test_only_the_order_within_each_of_two_objectives_counts(name: str) -> None:
    space = compile_space(EXAMPLES["blocks"]())
    plain = with_further_objective(make_history(space, 60))
    found = []
    for stretch in (lambda value: value, lambda value: value**3 + 5 * value):
        observations = [
            replace(one, results=tuple(replace(each, values=tuple(map(stretch, each.values))) for each in one.results))
            for one in plain.observations
        ]
        history = History(space, tuple(observations))
        found.append(SAMPLERS[name]().propose(180, history, (), np.random.default_rng(5)))
    assert found[0] == found[1]


def test_one_space_serves_studies_of_one_and_two_objectives(name: str) -> None:
    """The arrays of a space are shared by all studies of a process."""
    space = compile_space(EXAMPLES["blocks"]())
    alone = [make_history(space, 60), with_further_objective(make_history(space, 60))]
    expected = [SAMPLERS[name]().propose(180, each, (), np.random.default_rng(5)) for each in alone]
    again = [SAMPLERS[name]().propose(180, each, (), np.random.default_rng(5)) for each in reversed(alone)]
    assert again[::-1] == expected


@cache
def proposals_of_another_process() -> dict[str, list[list[Vals]]]:
    """Return proposals of every sampler, made in one process with another hash seed."""
    code = (
        "import json\n"
        "from tests.samplers.contract import SAMPLERS, proposals\n"
        "print(json.dumps({name: [proposals(name, n, 2) for n in (3, 60)] for name in SAMPLERS}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_proposals_are_equal_in_another_process(name: str) -> None:
    here = [proposals(name, n, 2) for n in (3, 60)]
    assert here == [proposals(name, n, 2) for n in (3, 60)]
    assert proposals_of_another_process()[name] == here


def test_proposals_depend_on_the_generator(name: str) -> None:
    space = compile_space(EXAMPLES["blocks"]())
    history = make_history(space, 90)
    sampler = SAMPLERS[name]()
    found = [sampler.propose(270, history, (), np.random.default_rng(seed)) for seed in range(10)]
    assert len({json.dumps(vals, sort_keys=True) for vals in found}) > 5


def test_arguments_are_not_changed(name: str) -> None:
    space = compile_space(EXAMPLES["nested"]())
    history = make_history(space, 90)
    running = [space.draw(np.random.default_rng(2))]
    before = copy.deepcopy((history.observations, running))
    vals = SAMPLERS[name]().propose(270, history, running, np.random.default_rng(0))
    assert (history.observations, running) == before
    assert all(vals is not one.vals for one in history.observations)
    assert vals is not running[0]


def test_failed_trials_alone_give_draws_from_the_prior(name: str) -> None:
    space = compile_space(EXAMPLES["nested"]())
    rng = np.random.default_rng(3)
    for loss in (None, math.nan, math.inf):
        failed = tuple(observe(number, space.draw(rng), loss) for number in range(40))
        vals = SAMPLERS[name]().propose(40, History(space, failed), (), rng)
        assert vals.keys() == space.active(vals)
        assert not vals.model_based


def test_only_the_order_of_losses_counts(name: str) -> None:
    """Only the order of losses counts, so one loss of 1e30 has no special influence."""
    space = compile_space(EXAMPLES["blocks"]())
    rng = np.random.default_rng(4)
    draws = [space.draw(rng) for _ in range(80)]
    found = [
        SAMPLERS[name]().propose(
            80,
            History(space, tuple(observe(number, vals, scale(number % 17)) for number, vals in enumerate(draws))),
            (),
            np.random.default_rng(5),
        )
        for scale in (float, lambda loss: math.exp(4.0 * loss))
    ]
    assert found[0] == found[1]


def test_sampler_serves_fmin(name: str) -> None:
    """A search with failed trials, with a queue, and continued from trials with gaps in their numbers."""
    import hyperopt

    def objective(point: Any) -> dict[str, Any]:
        if point["third"] > 1.8:
            return {"status": hyperopt.STATUS_FAIL}
        return {"status": hyperopt.STATUS_OK, "loss": (point["third"] - 1) ** 2}

    def search(trials: Any, goal: int, queue: int) -> Any:
        hyperopt.fmin(
            objective,
            EXAMPLES["shared"](),
            algo=SAMPLERS[name]().suggest,
            max_evals=goal,
            trials=trials,
            rstate=np.random.default_rng(6),
            show_progressbar=False,
            verbose=False,
            max_queue_len=queue,
        )
        return trials

    trials = search(hyperopt.Trials(), 30, 1)
    assert [doc["tid"] for doc in trials.trials] == list(range(30))
    assert search(hyperopt.Trials(), 30, 1).vals == trials.vals
    gaps = hyperopt.trials_from_docs([doc for doc in trials.trials if doc["tid"] % 3])
    gaps._ids.update(range(30))
    assert len(search(gaps, 26, 3).trials) == 26
    labels = set(compile_space(EXAMPLES["shared"]()).labels)
    for doc in gaps.trials:
        assert doc["misc"]["idxs"].keys() == doc["misc"]["vals"].keys() == labels
        assert all(idxs in ([], [doc["tid"]]) for idxs in doc["misc"]["idxs"].values())
