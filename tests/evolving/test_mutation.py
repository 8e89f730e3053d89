"""Registry of mutations, and the draw of a member's change."""

import numpy as np
import pytest

from metaopt.errors import UserError
from metaopt.evolving import MUTATIONS, Mutation, find_mutations, mutate, mutation
from tests.evolving.networks import DENSE


def draw(mutations, others=(), seed=0, configuration=DENSE.initial):
    return mutate(DENSE, configuration, others, find_mutations(mutations), np.random.default_rng(seed))


def test_a_mutation_of_ones_own_takes_a_few_lines():
    @mutation("halve the learning rate")
    def halve(network, configuration, rng):
        return {**configuration, "learning_rate": configuration["learning_rate"] / 2}

    try:
        assert draw(["halve the learning rate"])["learning_rate"] == 5e-6
        assert draw([halve])["learning_rate"] == 5e-6
        assert find_mutations([halve])[0].name == "halve the learning rate"
        assert find_mutations(None)[-1].change is halve
    finally:
        del MUTATIONS["halve the learning rate"]


def test_a_function_needs_no_registration():
    found = find_mutations([lambda network, configuration, rng: {**configuration, "l2": 0.01}])
    assert [type(each) for each in found] == [Mutation]
    assert mutate(DENSE, DENSE.initial, (), found, np.random.default_rng(0))["l2"] == 0.01


def test_members_differ_from_each_other():
    members = [DENSE.initial]
    for seed in range(20):
        members.append(draw(None, members, seed))
    assert len({tuple(each.items()) for each in members}) == 21


def test_a_member_repeats_another_where_nothing_else_is_left():
    def only(network, configuration, rng):
        return {**configuration, "l2": 0.01}

    changed = {**DENSE.initial, "l2": 0.01}
    assert draw([only], [DENSE.initial, changed]) == changed


def test_a_network_without_anything_to_change_stays_as_it_is():
    assert draw([lambda network, configuration, rng: None]) == DENSE.initial


def test_the_configuration_that_is_copied_is_not_changed():
    def spoil(network, configuration, rng):
        configuration["l2"] = 0.01
        return configuration

    before = dict(DENSE.initial)
    assert draw([spoil], configuration=before)["l2"] == 0.01
    assert before == DENSE.initial


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["optimiser"], "Unknown mutation: optimiser. Did you mean optimizer?"),
        ([], "No mutation was given. Expected at least one of optimizer"),
        ([3], r"Invalid mutation: int. Expected a name or a function"),
    ],
)
def test_an_unknown_mutation_is_refused(given, message):
    with pytest.raises(UserError, match=message):
        find_mutations(given)


def test_what_a_mutation_returns_is_checked():
    with pytest.raises(UserError, match=r"The mutation <lambda> returned int. Expected the changed configuration"):
        draw([lambda *_: 3])
    with pytest.raises(UserError, match=r"returned an invalid configuration: the optimizer is 'Ada'"):
        draw([lambda network, configuration, rng: {**configuration, "optimizer": "Ada"}])
