"""Proposer: repairs, further proposals and draws from the prior."""

import numpy as np
import pytest
from hyperopt import hp

from metaopt.blueprint import Blueprint, Dense, Flatten, Input, InvalidArchitecture
from metaopt.engine.proposer import PRIOR_DRAWS, REDRAWS, NothingPasses, Proposer
from metaopt.engine.view import StudyView
from metaopt.guard.guard import Guard
from metaopt.problems.problem import Problem
from metaopt.schedulers import Start
from metaopt.spaces import Vals, compile_space
from metaopt.storage.state import StudyState
from metaopt.trials.constraints import parse_constraints
from metaopt.zoo import conv_stack

STACK = Problem(conv_stack.make_space(1, 20), conv_stack.network, conv_stack.training)


class Proposals:
    """A strategy that proposes draws from the prior, of its own, or one again and again."""

    def __init__(self, space, always=None):
        self.space = space
        self.always = always
        self.asked = 0

    def next(self, view, attempt=0):
        self.asked += 1
        return Start(self.always or self.space.draw(view.generator("propose", attempt)), 7)


def proposer_of(problem, limits=(), always=None, side=32):
    space = compile_space(problem.space)
    view = StudyView(StudyState(), space, 0, None)
    strategy = Proposals(space, always)
    guard = Guard(problem, (side, side, 3), {"label": 10}, parse_constraints(limits))
    return Proposer(strategy, guard, space, view), strategy, view


def deep(space, blocks=20):
    vals = dict(space.draw(np.random.default_rng(0)))
    return space.complete({**vals, "n_blocks": blocks - 1}, np.random.default_rng(0))


def test_a_rejected_proposal_is_repaired_at_its_depth():
    proposer, strategy, view = proposer_of(STACK, ["params<=1e6", "macs<=2e7"])
    vals = Vals(deep(view.space), model_based=True, parent=3)
    accepted = proposer.accept(Start(vals, 7), set())
    assert strategy.asked == 0
    assert accepted.rejected == {"invalid architecture": 1}
    assert len(accepted.point["blocks"]) == 20
    assert (accepted.vals.model_based, accepted.vals.parent) == (True, 3)
    assert accepted.network["params"] <= 1e6


def test_a_duplicate_is_proposed_again():
    proposer, strategy, view = proposer_of(STACK, ["params<=1e6"])
    first = Start(deep(view.space), 7)
    trained: set[str] = set()
    for _ in range(3):
        trained.add(proposer.accept(first, trained).network["signature"])
    assert len(trained) == 3
    assert strategy.asked == 0 + 1 + 2  # what is proposed at an attempt is the same every time


def test_a_repeated_proposal_is_repaired_in_another_way():
    space = conv_stack.make_space(20, 20)
    proposer, strategy, view = proposer_of(Problem(space, conv_stack.network, conv_stack.training), ["params<=1e6"])
    strategy.always = always = view.space.draw(np.random.default_rng(0))
    trained = {proposer.accept(Start(always, 7), set()).network["signature"]}
    # Another attempt repairs it in another way.
    found = proposer.accept(Start(always, 7), trained)
    assert found.network["signature"] not in trained
    assert len(found.point["blocks"]) == 20


def narrow(point, input_shape, classes):
    """Nothing stands but a width of 1, 2 or 3."""
    if point["width"] > 3:
        raise InvalidArchitecture("network", None, "too wide")
    x = inputs = Input(input_shape)
    return Blueprint(inputs, Dense(classes["label"])(Dense(point["width"])(Flatten()(x))))


def test_an_exhausted_space_is_found_in_bounded_time():
    proposer, strategy, view = proposer_of(Problem({"width": hp.uniformint("width", 1, 60)}, narrow))
    trained: set[str] = set()
    for _ in range(3):
        trained.add(proposer.accept(strategy.next(view), trained).network["signature"])
    assert len(trained) == 3
    with pytest.raises(NothingPasses) as raised:
        proposer.accept(strategy.next(view), trained)
    assert raised.value.is_exhausted
    assert PRIOR_DRAWS <= raised.value.rejected.total() <= 2 * (REDRAWS + PRIOR_DRAWS)


def test_a_space_of_invalid_networks_is_repaired_once():
    def never(point, input_shape, classes):
        never.calls += 1
        raise InvalidArchitecture("network", None, "not today")

    never.calls = 0
    proposer, strategy, view = proposer_of(Problem({"width": hp.uniformint("width", 1, 60)}, never))
    with pytest.raises(NothingPasses) as raised:
        proposer.accept(strategy.next(view), set())
    assert not raised.value.is_exhausted
    assert raised.value.rejected == {"invalid architecture": REDRAWS + PRIOR_DRAWS}
    assert never.calls < REDRAWS + PRIOR_DRAWS + 4_200  # the evaluations of one repair


@pytest.mark.slow
def test_proposals_can_be_repeated():
    offered = []
    for _ in range(2):
        proposer, strategy, view = proposer_of(STACK, ["params<=1e6", "macs<=2e7"])
        offered.append([proposer.accept(strategy.next(view), set()).vals for _ in range(3)])
    assert offered[0] == offered[1]
