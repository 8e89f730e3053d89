"""Kernels, normalisation and draws of the density."""

import numpy as np
import pytest
from hyperopt import hp
from scipy.stats import truncnorm

from metaopt.samplers._density import Density, Encoded
from metaopt.spaces import Space, Vals, compile_space

MIXED = {
    "rate": hp.loguniform("rate", -5, 0),
    "layers": hp.quniform("layers", 0.5, 4.5, 1),
    "pick": hp.randint("pick", 3),
    "branch": hp.pchoice("branch", [(0.2, None), (0.8, {"width": hp.uniform("width", 0, 1)})]),
}


@pytest.fixture(scope="module")
def space() -> Space:
    return compile_space(MIXED)


def draws(space: Space, n: int, seed: int) -> list[Vals]:
    rng = np.random.default_rng(seed)
    return [space.draw(rng) for _ in range(n)]


def make_density(space: Space, trials: list[Vals], prior_weight: float) -> Density:
    return Density(space, Encoded.of(space, trials), prior_weight)


def log(space: Space, density: Density, points: list[Vals]) -> np.ndarray:
    return density.log(Encoded.of(space, points))


def test_kernel_of_a_number_is_a_truncated_normal() -> None:
    space = compile_space({"x": hp.uniform("x", 0, 10)})
    density = make_density(space, [space.restrict({"x": 2.0})], prior_weight=0.0)
    kernel = truncnorm(-0.2 / 0.2, 0.8 / 0.2, loc=0.2, scale=0.2)  # n = 1: the bandwidth is 0.2
    points = [space.restrict({"x": x}) for x in (0.1, 2.0, 5.0, 9.9)]
    assert log(space, density, points) == pytest.approx(kernel.logpdf([0.01, 0.2, 0.5, 0.99]))


def test_kernel_of_an_option_mixes_option_and_prior() -> None:
    space = compile_space({"c": hp.pchoice("c", [(0.1, "a"), (0.3, "b"), (0.6, "c")])})
    density = make_density(space, [space.restrict({"c": 1})], prior_weight=0.0)
    found = np.exp(log(space, density, [space.restrict({"c": option}) for option in range(3)])) * (0.1, 0.3, 0.6)
    assert found == pytest.approx([0.04, 0.6 + 0.4 * 0.3, 0.24])  # the prior has twice the bandwidth, 0.4


def test_prior_weight_counts_as_trials() -> None:
    space = compile_space({"x": hp.uniform("x", 0, 1)})
    trials = [space.restrict({"x": 0.0})] * 3
    far = [space.restrict({"x": 1.0})]
    assert np.exp(log(space, make_density(space, trials, 1.0), far)) == pytest.approx(0.25, abs=0.01)
    assert np.exp(log(space, make_density(space, [], 1.0), far)) == pytest.approx(1)


@pytest.mark.parametrize("n", [1, 5, 40])
def test_density_has_mean_one_under_the_prior(space: Space, n: int) -> None:
    # The unit value of a rounded number is the middle of its interval, so its kernel is approximate.
    density = make_density(space, draws(space, n, seed=1), prior_weight=1.0)
    assert np.mean(np.exp(log(space, density, draws(space, 5_000, seed=2)))) == pytest.approx(1, abs=0.06)


def test_draws_have_the_distribution_of_the_density(space: Space) -> None:
    density = make_density(space, draws(space, 4, seed=3), prior_weight=0.5)
    prior = draws(space, 8_000, seed=4)
    weights = np.exp(log(space, density, prior))
    drawn = [space.decode(units) for units in density.draw(4_000, np.random.default_rng(5))]
    for label in space.labels:
        expected = np.average([vals.get(label, -1.0) for vals in prior], weights=weights)
        assert np.mean([vals.get(label, -1.0) for vals in drawn]) == pytest.approx(expected, abs=0.1)
    both = np.average([vals["rate"] < 0.1 and vals["branch"] == 1 for vals in prior], weights=weights)
    assert np.mean([vals["rate"] < 0.1 and vals["branch"] == 1 for vals in drawn]) == pytest.approx(both, abs=0.06)
