"""Memory estimate: weights, gradients and slots of the optimiser, and the activations of a batch."""

from types import SimpleNamespace

import pytest

from metaopt.problems.memory_estimate import estimate_memory
from metaopt.problems.training_config import Training

# 100 parameters of which 90 are trained, and 1,000 output elements per image.
COUNTS = SimpleNamespace(params=100, trainable_params=90, activations=1000)


@pytest.mark.parametrize(
    ("optimizer", "options", "slots"),
    [
        ("SGD", {}, 0),
        ("SGD", {"momentum": 0.9}, 1),
        ("SGD", {"momentum": 0.0}, 0),
        ("RMSprop", {}, 1),
        ("RMSprop", {"momentum": 0.9, "centered": True}, 3),
        ("Lion", {}, 1),
        ("Adadelta", {}, 2),
        ("Adam", {}, 2),
        ("Adam", {"amsgrad": True}, 3),
        ("SomethingNew", {}, 2),
    ],
)
def test_slots_follow_optimizer_and_options(optimizer, options, slots):
    training = Training(optimizer, batch_size=8, options=options)
    assert estimate_memory(COUNTS, training) == 4 * (100 + 90 + 90 * slots + 2 * 1000 * 8)


def test_counted_slots_replace_the_default():
    training = Training("Adam", batch_size=1)
    assert estimate_memory(COUNTS, training, slots=7) == 4 * (100 + 90 + 7 + 2 * 1000)
