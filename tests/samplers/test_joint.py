"""Joint density: kernels, normalisation, draws, and the units of many draws at once."""

import numpy as np
import pytest
from hyperopt import hp
from scipy.stats import truncnorm

from metaopt.samplers._joint import MOST_KERNELS, Density, JointModel, thin
from metaopt.spaces import Space, Vals, compile_space
from tests.spaces.examples import EXAMPLES

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


def encode(space: Space, points: list[Vals]) -> np.ndarray:
    model = JointModel(space)
    return np.array([model.encode(vals) for vals in points]).reshape(-1, len(space.parameters))


def make_density(space: Space, trials: list[Vals], prior_weight: float) -> Density:
    return Density(JointModel(space), encode(space, trials), prior_weight)


def log(space: Space, density: Density, points: list[Vals]) -> np.ndarray:
    return density.log(encode(space, points))


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
    units = density.draw(4_000, np.random.default_rng(5))
    drawn = [space.decode(np.nan_to_num(one, nan=0.5)) for one in units]
    for label in space.labels:
        expected = np.average([vals.get(label, -1.0) for vals in prior], weights=weights)
        assert np.mean([vals.get(label, -1.0) for vals in drawn]) == pytest.approx(expected, abs=0.1)
    both = np.average([vals["rate"] < 0.1 and vals["branch"] == 1 for vals in prior], weights=weights)
    assert np.mean([vals["rate"] < 0.1 and vals["branch"] == 1 for vals in drawn]) == pytest.approx(both, abs=0.06)


@pytest.mark.slow
def test_kernels_of_a_trial_multiply_over_shared_parameters(space: Space) -> None:
    """The product of matrices equals the sum over parameters, of trials and points of different branches."""
    trials, points = draws(space, 6, seed=8), draws(space, 40, seed=9)
    width = 0.2 * 6 ** (-1 / (len(space.parameters) + 4))
    probabilities = {"pick": 1 / 3, "branch": 0.0}
    units, found = encode(space, trials), []
    for vals, point in zip(points, encode(space, points), strict=True):
        kernels = []
        for trial, centre in zip(trials, units, strict=True):
            kernel = 1.0
            for number, label in enumerate(space.labels):
                if label not in vals or label not in trial:
                    continue
                if label in probabilities:
                    probability = (0.2, 0.8)[int(vals["branch"])] if label == "branch" else probabilities[label]
                    kernel *= 2 * width + (1 - 2 * width) * (vals[label] == trial[label]) / probability
                else:
                    bounds = -centre[number] / width, (1 - centre[number]) / width
                    kernel *= truncnorm(*bounds, loc=centre[number], scale=width).pdf(point[number])
            kernels.append(kernel)
        found.append(np.log((sum(kernels) + 1.0) / 7))
    assert log(space, make_density(space, trials, 1.0), points) == pytest.approx(found, rel=1e-9)


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name not in ("constant", "every_distribution")])
def test_units_of_many_draws_are_those_of_their_values(name: str) -> None:
    space = compile_space(EXAMPLES[name]())
    model = JointModel(space)
    uniform = np.random.default_rng(0).random((300, len(space.parameters)))
    snapped = model.snap(uniform)
    for before, after in zip(uniform, snapped, strict=True):
        assert model.encode(space.decode(before)) == pytest.approx(after, abs=1e-9, nan_ok=True)
        assert space.decode(np.nan_to_num(after, nan=0.5)) == pytest.approx(space.decode(before))


def test_thinning_keeps_all_of_the_newest_trials() -> None:
    units = np.arange(20_000.0)[:, None]
    kept = thin(units)[:, 0]
    assert len(kept) <= MOST_KERNELS
    assert kept[-50:] == pytest.approx(units[-50:, 0])
    assert kept[0] == 0
    assert (np.diff(kept, 2) <= 1).all()  # gaps grow with the age of the trials
    assert len(thin(units[:MOST_KERNELS])) == MOST_KERNELS
