"""Configurations of a network as draws and points of a search space."""

import pytest

from metaopt.evolving import Hyperparameter, Network
from metaopt.spaces import compile_space
from tests.evolving.networks import DENSE


def test_the_space_gives_the_configuration_back():
    space = compile_space(DENSE.space())
    assert set(space.labels) == set(DENSE.initial)
    vals = DENSE.vals(DENSE.initial, parent=3)
    assert vals.parent == 3
    assert DENSE.configuration(space.point(vals)) == DENSE.initial == DENSE.read(vals)
    assert type(DENSE.read(vals)["batch_size"]) is int


def test_a_learning_rate_below_the_range_is_kept():
    changed = {**DENSE.initial, "learning_rate": 1e-12}
    assert DENSE.configuration(compile_space(DENSE.space()).point(DENSE.vals(changed))) == changed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"optimizer": "Ada"}, "the optimizer is 'Ada'; expected one of SGD, Adam"),
        ({"activation_dense_1": 3}, "the activation of dense_1 is 3; expected one of elu"),
        ({"learning_rate": "high"}, "the learning rate is 'high'; expected a number"),
        ({"learning_rate": float("nan")}, "the learning rate is nan"),
        ({"filters": 3}, "are not those of the network: filters"),
    ],
)
def test_a_value_that_a_network_cannot_have_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        DENSE.vals({**DENSE.initial, **change})


def test_batch_sizes_of_tiny_data_have_a_space():
    network = Network((Hyperparameter("batch_size", 1, low=1.0, high=1.0),))
    assert compile_space(network.space()).point(network.vals({"batch_size": 1})) == {"batch_size": 1}
