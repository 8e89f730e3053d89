"""Hyperband: all brackets, one after the other."""

import math
from itertools import pairwise

import pytest

from metaopt.schedulers import Continue, Hyperband, Propose, brackets
from tests.schedulers.simulated import Simulation


def curve(trial: int, epoch: int) -> float:
    """A loss that falls to a floor; curves cross."""
    floor, speed = math.sin(7 * trial) / 2 + 0.5, 1 + trial % 5
    return floor + 1 / (1 + speed * epoch)


@pytest.mark.parametrize("slots", [1, 4, 60])
def test_a_whole_hyperband_trains_the_published_epochs(slots) -> None:
    study = Simulation(lambda: Hyperband(27), 27, goal=49, loss=curve, slots=slots).run()
    assert len(study.trials) == 49
    assert study.charged == 423
    assert study.trained == 357


def test_one_worker_ends_each_rung_before_the_next() -> None:
    study = Simulation(lambda: Hyperband(27), 27, goal=49, loss=curve).run()
    trained = [
        (
            decision.bracket if isinstance(decision, Propose) else study.trials[decision.trial].bracket,
            decision.target_resource,
        )
        for decision in study.decisions
        if isinstance(decision, Propose | Continue)
    ]
    expected = [(b, r) for b, bracket in enumerate(brackets(27, 3)) for n, r in bracket for _ in range(n)]
    assert trained == expected


def test_the_best_of_each_rung_are_promoted() -> None:
    study = Simulation(lambda: Hyperband(27), 27, goal=49, loss=curve, slots=5).run()
    for b, bracket in enumerate(brackets(27, 3)):
        for (_, lower), (n, upper) in pairwise(bracket):
            there = study.reached(lower, b)
            best = sorted(there, key=lambda number: (min(study.trials[number].losses[:lower]), number))
            assert sorted(best[:n]) == study.reached(upper, b)


def test_the_first_bracket_follows_the_last() -> None:
    study = Simulation(lambda: Hyperband(9, rule="floor"), 9, goal=30, loss=curve).run()
    sizes = [sum(trial.bracket == b for trial in study.trials) for b in range(4)]
    assert sizes == [9, 3, 3, 9]
    assert [bracket[0][0] for bracket in brackets(9, 3, rule="floor")] == [9, 3, 3]
