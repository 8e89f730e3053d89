"""Gaussian process of a function that changes with time, compared with the formulas of its sources."""

import math

import numpy as np
import pytest

from metaopt.samplers._gaussian_process import Inputs
from metaopt.strategies.time_varying_process import (
    Moments,
    TimeVaryingProcess,
    compute_kernel,
    exploration_weight,
)

# Computed with the class itself.
RAYS = np.array(
    [
        [1.0, 0.399665500205261, 0.34751844050162],
        [0.399665500205261, 1.0, 0.623040626457124],
        [0.34751844050162, 0.623040626457124, 1.0],
    ]
)


def moments(points, times):
    points = np.array(points, dtype=float)
    return Moments(Inputs(points, np.zeros(points.shape[1], dtype=bool)), np.array(times, dtype=float))


def test_kernel_is_that_of_the_paper():
    """Bogunovic et al. 2016: k_SE(x, x') · (1 − ε)^(|t − t'| / 2), with k_SE = exp(−‖x − x'‖² / (2 ℓ²))."""
    kernel = compute_kernel(np.array([[0.0, 0.25]]), np.array([[4.0, 2.0]]), math.log(0.5), 0.1)
    assert kernel[0, 0] == pytest.approx(0.9**2)
    assert kernel[0, 1] == pytest.approx(math.exp(-0.25 / (2 * 0.25)) * 0.9)


def test_kernel_equals_the_one_of_ray():
    """ray.tune.schedulers.pb2_utils.TV_SquaredExp of Ray 2.60, whose length scale is our 2 ℓ²."""
    points = np.array([[0.1, 0.9], [0.4, 0.2], [0.7, 0.5]])
    times = np.array([0.0, 1.0, 3.0])
    squares = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    gaps = abs(times[:, None] - times[None])
    assert compute_kernel(squares, gaps, math.log(0.6), 0.2) == pytest.approx(RAYS, abs=1e-12)


def test_exploration_weight_is_that_of_the_authors():
    assert exploration_weight(1) == 0.2
    assert exploration_weight(10) == pytest.approx(0.2 + math.log(4))


def test_posterior_is_that_of_the_textbook():
    """Rasmussen & Williams 2006, equations 2.25 and 2.26, with explicit inverses."""
    known = moments([[0.1], [0.5], [0.9]], [1, 2, 3])
    values = np.array([0.3, -1.0, 0.8])
    process = TimeVaryingProcess(known, values, math.log(0.3), math.log(0.05), 0.15)
    asked = moments([[0.4], [0.9]], [4, 4])

    def k(x, t, y, u):
        return math.exp(-((x - y) ** 2) / (2 * 0.3**2)) * 0.85 ** (abs(t - u) / 2)

    at = list(zip([0.1, 0.5, 0.9], [1, 2, 3], strict=True))
    kernel = np.array([[k(*one, *other) for other in at] for one in at]) + 0.05 * np.eye(3)
    cross = np.array([[k(x, 4, *other) for other in at] for x in (0.4, 0.9)])
    mean, deviation = process.predict(asked)
    assert mean == pytest.approx(cross @ np.linalg.inv(kernel) @ values)
    assert deviation**2 == pytest.approx(1 - np.diag(cross @ np.linalg.inv(kernel) @ cross.T))
    assert process.upper_bound(asked) == pytest.approx(mean + math.sqrt(0.2 + math.log(0.4 * 3)) * deviation)


def test_points_that_are_tried_meanwhile_lose_their_uncertainty():
    process = TimeVaryingProcess(moments([[0.1], [0.5]], [1, 1]), np.array([1.0, -1.0]), -1.0, -4.0, 0.1)
    asked = moments([[0.9]], [2])
    conditioned = process.condition_on_mean(asked)
    assert conditioned.predict(asked)[0] == pytest.approx(process.predict(asked)[0])
    assert conditioned.predict(asked)[1] < 0.5 * process.predict(asked)[1]


@pytest.mark.parametrize("changes", [False, True])
def test_fit_finds_whether_the_function_changes(changes):
    rng = np.random.default_rng(0)
    points, times = rng.random((60, 1)), np.repeat(np.arange(6), 10)
    shift = 0.8 * times if changes else 0.0
    values = np.sin(6 * points[:, 0] + shift)
    process = TimeVaryingProcess.fit(moments(points, times), (values - values.mean()) / values.std())
    assert (process.forgetting > 0.1) == changes
    mean, _ = process.predict(moments([[0.25]], [5]))
    assert mean[0] * values.std() + values.mean() == pytest.approx(math.sin(1.5 + 4 * changes), abs=0.3)
