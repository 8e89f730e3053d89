"""The plain CNN for small photo data sets."""

from itertools import pairwise

import numpy as np
import pytest

from metaopt.blueprint import InvalidArchitecture
from metaopt.problems.loading import load_problem
from metaopt.spaces import compile_space
from metaopt.zoo import photo_cnn

POINT = {
    "stages": 3,
    "convolutions": 2,
    "filters": 24.0,
    "growth": 2.0,
    "dropout": 0.2,
    "learning_rate": 1e-3,
    "batch_size": 32.0,
    "weight_decay": 0.01,
    "label_smoothing": 0.1,
    "mixup": 0.2,
}


def test_parameters_match_hand_counts():
    blueprint = photo_cnn.network(POINT, (16, 16, 3), {"label": 17})
    widths = [3, 24, 24, 48, 48, 96, 96]
    convolutions = sum(9 * a * b for a, b in pairwise(widths))
    assert blueprint.params == convolutions + 4 * sum(widths[1:]) + 96 * 17 + 17


def test_macs_match_hand_counts():
    blueprint = photo_cnn.network(POINT, (16, 16, 3), {"label": 17})
    first, second, third = 256 * 9 * (3 + 24) * 24, 64 * 9 * (24 + 48) * 48, 16 * 9 * (48 + 96) * 96
    assert blueprint.macs == first + second + third + 96 * 17


def test_training_is_read_from_the_point():
    training = photo_cnn.training(POINT)
    assert (training.optimizer, training.schedule, training.batch_size) == ("Adam", "cosine", 32)
    assert (training.weight_decay, training.label_smoothing, training.mixup) == (0.01, 0.1, 0.2)


def test_too_small_images_are_rejected():
    with pytest.raises(InvalidArchitecture):
        photo_cnn.network({**POINT, "stages": 4}, (4, 4, 3), {"label": 2})


def test_every_draw_is_valid_for_16_pixels():
    space = compile_space(load_problem("photo_cnn").space)
    for seed in range(50):
        point = space.point(space.draw(np.random.default_rng(seed)))
        assert photo_cnn.network(point, (16, 16, 3), {"label": 17}).params > 0
        photo_cnn.training(point)
