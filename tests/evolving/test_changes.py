"""Changes in words, and combined by crossover."""

from metaopt.evolving.changes import combine, describe_change
from tests.evolving.networks import DENSE

PARENT = DENSE.initial


def test_a_change_in_words():
    after = {**PARENT, "optimizer": "Adam", "learning_rate": 0.001, "activation_dense_2": "elu"}
    assert describe_change(DENSE, PARENT, after) == (
        "optimizer SGD → Adam, learning rate 1e-05 → 0.001, activation of dense_2 tanh → elu"
    )
    assert describe_change(DENSE, PARENT, {**PARENT, "l2": 1e-4}) == "L2 0 → 0.0001"
    assert describe_change(DENSE, PARENT, PARENT) == "unchanged"


def test_a_crossover_has_the_changes_of_both():
    first, second = {**PARENT, "batch_size": 64}, {**PARENT, "activation_dense_1": "elu"}
    assert combine(PARENT, first, second) == {**PARENT, "batch_size": 64, "activation_dense_1": "elu"}


def test_of_the_same_hyperparameter_a_crossover_has_the_fittest():
    first, second = {**PARENT, "batch_size": 64}, {**PARENT, "batch_size": 16, "l2": 1e-4}
    assert combine(PARENT, first, second) == {**PARENT, "batch_size": 64, "l2": 1e-4}


def test_a_crossover_takes_an_optimizer_with_its_rate():
    adam = {**PARENT, "optimizer": "Adam", "learning_rate": 0.001}
    faster = {**PARENT, "learning_rate": 2e-5}
    assert combine(PARENT, adam, faster) == combine(PARENT, faster, adam) == adam
    lion = {**PARENT, "optimizer": "Lion", "learning_rate": 0.0003}
    assert combine(PARENT, adam, lion) == adam


def test_a_crossover_with_the_unchanged_is_the_other():
    other = {**PARENT, "l2": 1e-4}
    assert combine(PARENT, PARENT, other) == combine(PARENT, other, PARENT) == other
