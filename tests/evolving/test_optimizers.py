"""Slots that optimizers share."""

from metaopt.evolving.activations import find_options
from metaopt.evolving.optimizers import find_shared_slots


def test_optimizers_share_slots_that_hold_the_same():
    both = {"momentum": "momentum", "velocity": "velocity"}
    assert find_shared_slots("Adam", "AdamW") == find_shared_slots("Nadam", "Adam") == both
    assert find_shared_slots("Adam", "RMSprop") == {"velocity": "velocity"}
    assert find_shared_slots("Adam", "Lion") == {"momentum": "momentum"}


def test_an_optimizer_with_a_slot_that_the_other_lacks_begins_anew():
    assert find_shared_slots("RMSprop", "Adam") is None
    assert find_shared_slots("Lion", "Adam") is None
    assert find_shared_slots("Adam", "Adadelta") is None
    assert find_shared_slots("Adam", "SGD") is None, "steps of SGD have the opposite sign"
    assert find_shared_slots("Ftrl", "Adam") is None


def test_activations_of_a_layer():
    assert find_options("linear", None) == ("linear",)
    assert find_options("softplus", None)[:2] == ("softplus", "elu")
    assert find_options("sigmoid", "labels") == ("sigmoid", "hard_sigmoid")
    assert find_options("hard_tanh", "numbers") == ("hard_tanh", "tanh")
    assert find_options("softmax", "classes") == ("softmax",)
    assert find_options("sigmoid", "other") == ("sigmoid",)
