"""The mutations of metaopt, one by one."""

import numpy as np
import pytest

from metaopt.evolving import MUTATIONS, Network, find_mutations, mutate
from metaopt.evolving.activations import HIDDEN
from metaopt.evolving.optimizers import RATES
from tests.evolving.networks import DENSE

DRAWS = 200


def changes(name, configuration=DENSE.initial, network=DENSE):
    """The differing values of many draws of a mutation."""
    found = []
    for seed in range(DRAWS):
        after = MUTATIONS[name].change(network, dict(configuration), np.random.default_rng(seed))
        assert after is not None
        network.vals(after)  # raises for a value that the network cannot have
        found.append({label: value for label, value in after.items() if value != configuration[label]})
    return found


def test_an_optimizer_comes_with_its_rate():
    found = changes("optimizer", {**DENSE.initial, "learning_rate": 0.5})
    assert {each["optimizer"] for each in found} == set(RATES) - {"SGD"}
    assert all(each["learning_rate"] == RATES[each["optimizer"]] for each in found)
    assert {each.get("weight_decay") for each in found if each["optimizer"] == "AdamW"} == {0.004}
    back = [each for each in changes("optimizer", {**DENSE.initial, "optimizer": "Adam"}) if each["optimizer"] == "SGD"]
    assert back[0] == {"optimizer": "SGD", "learning_rate": 0.01, "momentum": 0.9}


def test_a_learning_rate_is_scaled_by_half_to_two():
    factors = [each["learning_rate"] / 1e-5 for each in changes("learning rate")]
    assert 0.499 <= min(factors) < 0.55
    assert 1.8 < max(factors) <= 2.001
    assert np.median(factors) == pytest.approx(1, abs=0.2)


def test_an_activation_is_exchanged_in_one_layer():
    found = changes("activation")
    assert all(len(each) == 1 for each in found)
    assert {label for each in found for label in each} == {"activation_dense_1", "activation_dense_2"}
    firsts = {each["activation_dense_1"] for each in found if "activation_dense_1" in each}
    assert firsts == set(HIDDEN) - {"relu"}


def test_a_batch_is_doubled_or_halved_within_the_data():
    assert {each["batch_size"] for each in changes("batch size")} == {16, 64}
    assert {each["batch_size"] for each in changes("batch size", {**DENSE.initial, "batch_size": 64})} == {32, 100}
    assert {each["batch_size"] for each in changes("batch size", {**DENSE.initial, "batch_size": 4})} == {8}


def test_a_dropout_stays_within_its_range():
    rates = [each["dropout_dropout_1"] for each in changes("dropout") if each]
    assert 0.3 <= min(rates) < max(rates) <= 0.7
    high = [
        each["dropout_dropout_1"] for each in changes("dropout", {**DENSE.initial, "dropout_dropout_1": 0.85}) if each
    ]
    assert max(high) == 0.9


@pytest.mark.parametrize(("name", "label"), [("L2", "l2"), ("weight decay", "weight_decay")])
def test_a_penalty_begins_small_and_may_vanish(name, label):
    assert {each[label] for each in changes(name)} == {1e-4}
    values = [each[label] for each in changes(name, {**DENSE.initial, label: 5e-6})]
    assert min(values) == 0.0
    assert max(values) <= 5.001e-5


def test_label_smoothing_and_augmentation_change_where_present():
    assert {each["label_smoothing"] for each in changes("label smoothing")} == {0.05, 0.1, 0.2}
    strengths = [each["augmentation"] for each in changes("augmentation")]
    assert 0.5 <= min(strengths) < max(strengths) <= 2


def test_momentum_changes_under_sgd_only():
    assert {each["momentum"] for each in changes("momentum")} == {0.9}
    assert {each["momentum"] for each in changes("momentum", {**DENSE.initial, "momentum": 0.9})} == {0.8, 0.95}
    change = MUTATIONS["momentum"].change
    assert change(DENSE, {**DENSE.initial, "optimizer": "Adam"}, np.random.default_rng(0)) is None


def test_what_a_network_has_not_is_left_out():
    network = Network(DENSE.hyperparameters[:2])
    changed = {
        tuple(mutate(network, network.initial, (), find_mutations(["learning rate", *list(MUTATIONS)[3:]]), rng))
        for rng in map(np.random.default_rng, range(20))
    }
    assert changed == {("optimizer", "learning_rate")}
