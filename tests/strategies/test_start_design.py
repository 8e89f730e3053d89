"""Tests of metaopt.strategies.start_design."""

import numpy as np
from hyperopt import hp

from metaopt.spaces import compile_space
from metaopt.strategies.points import Encoder, Metric, Points
from metaopt.strategies.start_design import farthest


def test_the_first_trial_is_the_one_nearest_to_the_centre() -> None:
    encoder = Encoder.of(compile_space({"rate": hp.loguniform("rate", -4, 0)}))
    candidates = encoder.encode([{"rate": value} for value in (0.02, 0.13, 0.9)])
    assert farthest(candidates, encoder.encode([]), encoder.role_metric) == 1


def test_a_role_counts_once_however_many_blocks_have_it() -> None:
    """Four blocks that differ a little are no farther than a learning rate that differs much."""
    metric = Metric(np.zeros(5, dtype=bool), np.array([0, 1, 1, 1, 1]))
    deep, other_rate = [0.0, 0.3, 0.3, 0.3, 0.3], [0.5, 0.0, 0.0, 0.0, 0.0]
    candidates = Points(np.array([deep, other_rate]), np.zeros((2, 0)))
    assert farthest(candidates, Points(np.zeros((1, 5)), np.zeros((1, 0))), metric) == 1


def test_many_roles_keep_their_distances() -> None:
    space = compile_space({f"x{number}": hp.uniform(f"x{number}", 0, 1 + number) for number in range(50)})
    encoder = Encoder.of(space)
    assert (encoder.metric.n_scales, encoder.role_metric.n_scales) == (1, 50)
