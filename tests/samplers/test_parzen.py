"""Adaptive Parzen estimators: kernels, densities and draws, compared with the functions of hyperopt."""

from typing import Any

import numpy as np
import pytest
from hyperopt import hp, tpe
from scipy.special import ndtr
from scipy.stats import ks_1samp

from metaopt.samplers._columns import Column
from metaopt.samplers._numbers import MAX_LISTED, NumberGroup
from metaopt.samplers._observed_values import forgetting_weights, list_values
from metaopt.samplers._options import OptionGroup
from metaopt.samplers._parzen import Mixtures
from metaopt.samplers._univariate import UnivariateModel
from metaopt.spaces import compile_space
from tests.spaces.examples import every_distribution

# Name → mean and deviation of the prior's kernel, bounds of hyperopt's mixture on the scale of the prior, and step.
NUMBERS: dict[str, tuple[float, float, float | None, float | None, float | None]] = {
    "uniform": (1, 4, -1, 3, None),
    "quniform": (2.5, 19, -7, 12, 2.5),
    "loguniform": (-1, 4, -3, 1, None),
    "qloguniform": (1.5, 5, -1, 4, 3),
    "normal": (2, 3, None, None, None),
    "qnormal": (2, 3, None, None, 0.5),
    "lognormal": (0.5, 1, None, None, None),
    "qlognormal": (1, 1, None, None, 2),
    "uniformint": (5, 8, 1, 9, 1),
}


def fit(name: str, n: int, seed: int = 0) -> tuple[NumberGroup, Mixtures, np.ndarray]:
    """Return a column, the mixture of n draws from its prior, and the draws."""
    space = compile_space({name: every_distribution()[name]})
    rng = np.random.default_rng(seed)
    draws = [space.draw(rng) for _ in range(n)]
    model = UnivariateModel(space)
    ((_, group),) = model.find_groups(frozenset(space.labels))
    encoded = np.array([model.encode(vals) for vals in draws]).reshape(-1, 2)
    mixture = group.fit([(encoded[:, 1:] if n <= MAX_LISTED else None, encoded[:, :1])], 0.7)
    return group, mixture, np.array([vals[name] for vals in draws], dtype=float)


def fit_by_hyperopt(name: str, values: np.ndarray) -> Any:
    """Return weights, means and deviations of hyperopt's mixture."""
    mean, deviation, low, _, step = NUMBERS[name]
    if "log" in name:
        floor = max(1e-12, np.exp(low)) if low is not None else 1e-12
        values = np.log(np.maximum(values, floor) if step is not None else values)
    return tpe.adaptive_parzen_normal(values, 0.7, mean, deviation)


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("n", [0, 1, 2, 3, 20])
def test_log_likelihoods_equal_those_of_hyperopt(name: str, n: int) -> None:
    group, mixture, values = fit(name, n)
    _, _, low, high, step = NUMBERS[name]
    points = fit(name, 60, seed=1)[2]
    if name == "qlognormal":  # hyperopt loses half of the kernel of an observed 0, and all that is below exp(-27.6)
        points = points[points > 0]
    logarithmic = "log" in name
    lpdf = tpe.LGMM1_lpdf if logarithmic else tpe.GMM1_lpdf
    expected = lpdf(points, *fit_by_hyperopt(name, values), low=low, high=high, q=step)
    encoded = np.array([group.columns[0].encode(point)[0] for point in points])[:, None]
    found = group.log_densities(mixture, encoded)[:, 0] - mixture.log_inside[0]
    if logarithmic and step is None:
        found -= np.log(points)  # the density of the value rather than of its logarithm
        if low is not None:  # hyperopt's is not normalised: it lacks the factor of the truncation
            found += mixture.log_inside[0]
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", ["uniform", "loguniform", "normal", "lognormal"])
@pytest.mark.parametrize("n", [0, 1, 2, 26, 27, 150])
def test_kernels_equal_those_of_hyperopt_with_forgetting(name: str, n: int) -> None:
    _, mixture, values = fit(name, n)
    weights, means, deviations = fit_by_hyperopt(name, values)
    assert mixture.means == pytest.approx(means, rel=1e-12, abs=1e-12)
    assert mixture.weights == pytest.approx(weights, rel=1e-12)
    assert mixture.deviations == pytest.approx(deviations, rel=1e-9)


@pytest.mark.parametrize("n", [0, 1, 24, 25, 26, 27, 400])
def test_forgetting_weights_equal_those_of_hyperopt(n: int) -> None:
    active = np.ones((2 * n, 3), dtype=bool)
    active[::2, 1] = False
    weights = forgetting_weights(active)
    assert weights[1::2, 1] == pytest.approx(tpe.linear_forgetting_weights(n, 25))
    assert weights[:, 0] == pytest.approx(tpe.linear_forgetting_weights(2 * n, 25))
    assert (weights[:, 0] == weights[:, 2]).all()


@pytest.mark.parametrize("name", NUMBERS)
def test_draws_have_the_distribution_of_the_mixture(name: str) -> None:
    """The distribution function is the sum of those of the kernels, truncated at the bounds as a whole."""
    _, mixture, _ = fit(name, 12)
    drawn = mixture.draw(4_000, np.random.default_rng(2))[:, 0]
    low, high = (mixture._cumulative(bound) @ mixture.weights for bound in (mixture.priors.lows, mixture.priors.highs))

    def cumulative(points: np.ndarray) -> np.ndarray:
        kernels = ndtr((points[:, None] - mixture.means) / mixture.deviations)
        return (kernels @ mixture.weights - low) / (high - low)

    assert ks_1samp(drawn, cumulative).pvalue > 1e-3


@pytest.mark.parametrize("name", ["uniform", "normal", "loguniform"])
def test_cells_of_many_observations_hardly_change_the_density(name: str) -> None:
    group, mixture, values = fit(name, 2_000)
    assert len(mixture.means) < 2_000
    points = np.array([group.columns[0].encode(point)[0] for point in fit(name, 200, seed=1)[2]])[:, None]
    scaled = np.array([group.columns[0].encode(value)[0] for value in values])[:, None]
    exact = Mixtures.fit(list_values(scaled), group.priors, 0.7)
    assert len(exact.means) == 2_001
    assert mixture.log_density(points) == pytest.approx(exact.log_density(points), abs=0.1)


@pytest.mark.parametrize("step", [5, 50])
def test_equal_observations_in_cells_have_the_kernels_of_a_list(step: int) -> None:
    """With a step of 5, most neighbours are nearer than the smallest bandwidth, 1/26 of the range."""
    space = compile_space({"x": hp.quniform("x", 100, 700, step)})
    ((_, group),) = UnivariateModel(space).find_groups(frozenset({"x"}))
    (column,) = group.columns
    observed = 100 + step * np.random.default_rng(6).integers(0, 10, 24)
    values, cells = (np.array(each)[:, None] for each in zip(*map(column.encode, observed.tolist()), strict=True))
    counted = group.fit([(values, 1 + cells)], 1.0)
    listed = Mixtures.fit(list_values(values), group.priors, 1.0)
    assert len(counted.means) < len(listed.means)
    points = np.linspace(100, 700, 50)[:, None]
    assert counted.log_density(points) == pytest.approx(listed.log_density(points), rel=1e-12)


def test_inactive_observations_have_no_kernels() -> None:
    group, _, _ = fit("uniform", 1)
    values = np.array([0.5, np.nan, 1.5])[:, None]
    expected = np.array([0.5, 1.5])[:, None]
    found = group.fit([(values, np.zeros((3, 1)))], 1.0)
    assert found.means.tolist() == group.fit([(expected, np.zeros((2, 1)))], 1.0).means.tolist()


@pytest.mark.parametrize("prior", ["choice", "pchoice", "randint", "randint from"])
def test_frequencies_of_options_equal_those_of_hyperopt(prior: str) -> None:
    space = compile_space(every_distribution()[prior])
    (parameter,) = space.parameters
    rng = np.random.default_rng(3)
    group = OptionGroup([Column(parameter)])
    values = [space.draw(rng)[parameter.label] for _ in range(60)]
    options = np.array([group.columns[0].encode(value)[1] for value in values])
    counts = np.bincount(
        options.astype(int), tpe.linear_forgetting_weights(60, 25), minlength=group.columns[0].n_options
    )
    if prior == "pchoice":
        expected = tpe.tpe_cat_pseudocounts(counts, 0.7, np.array(parameter.args), 1)
    else:
        expected = (counts + 0.7) / (counts + 0.7).sum()
    found = group.count(1 + options[:, None], 0.7)
    assert found[0] == 0  # no trial is inactive
    assert found[1:] / found.sum() == pytest.approx(expected)


def test_options_are_drawn_from_good_trials_and_have_the_largest_ratio() -> None:
    """The options 0 and 2 are equally frequent in good trials, and 0 is rare in the others."""
    space = compile_space({"a": hp.randint("a", 5), "b": hp.choice("b", "xy")})
    group = OptionGroup([Column(parameter) for parameter in space.parameters])
    good = 1 + np.array([[0, 1], [2, 1]] * 5)
    others = 1 + np.array([[2, 0], [3, 0], [4, 1], [1, 0]] * 5)
    others[::3, 1] = 0  # inactive
    found = [group.propose([good, others], np.random.default_rng(seed), 24, 0.01) for seed in range(20)]
    assert all(options == {"a": 0, "b": 1} for options in found)


def test_wide_randint_and_fine_steps_are_continuous_numbers() -> None:
    space = compile_space({"r": hp.randint("r", 10**9), "q": hp.quniform("q", 0, 1, 1e-9), "k": hp.randint("k", 9)})
    model = UnivariateModel(space)
    assert [column.parameter.label for column in model.options.columns] == ["k"]
    ((_, group),) = model.find_groups(frozenset(space.labels))
    assert [column.parameter.label for column in group.columns] == ["q", "r"]
    assert all(column.step is None for column in group.columns)
