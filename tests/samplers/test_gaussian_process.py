"""Gaussian process regression: posterior, gradient and fit."""

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern

from metaopt.samplers._gaussian_process import GaussianProcess, Inputs, _NegativeLogDensity


def some_inputs(n: int, numbers: int = 3, seed: int = 0, budgets: bool = True) -> Inputs:
    rng = np.random.default_rng(seed)
    columns = [rng.random((n, numbers)), rng.integers(0, 3, (n, 1)), rng.choice([0.0, 0.5, 1.0], (n, 1)) * budgets]
    return Inputs(np.hstack(columns), np.array([False] * numbers + [True, False]))


def test_squared_distances_of_numbers_and_options() -> None:
    inputs = Inputs(np.array([[0.2, 0.0, 1.0], [0.5, 2.0, 1.0]]), np.array([False, True, False]))
    squares = inputs.squared_distances(inputs)
    assert squares[:, 0, 1] == pytest.approx([0.09, 1.0, 0.0])
    assert (squares[:, 0, 0] == 0).all()


def test_posterior_equals_scikit_learn_for_one_budget() -> None:
    """The learning curve is then a constant with variance 1."""
    rng = np.random.default_rng(1)
    seen, asked = rng.random((30, 3)), rng.random((10, 3))
    losses = rng.normal(size=30)
    scales, noise = np.array([0.3, 0.8, 2.0]), 0.05
    known = GaussianProcessRegressor(ConstantKernel(1.0) + Matern(scales, nu=2.5), alpha=noise, optimizer=None)
    mean, deviation = known.fit(seen, losses).predict(asked, return_std=True)

    def inputs(units: np.ndarray) -> Inputs:
        return Inputs(np.hstack([units, np.zeros((len(units), 1))]), np.zeros(4, bool))

    ours = GaussianProcess(inputs(seen), losses, np.log([*scales, 1.0]), float(np.log(noise)))
    found, spread = ours.predict(inputs(asked))
    assert found == pytest.approx(mean)
    assert spread == pytest.approx(deviation)


def test_gradient_equals_finite_differences() -> None:
    density = _NegativeLogDensity(some_inputs(25), np.random.default_rng(2).normal(size=25))
    position = np.array([-0.5, 0.3, 1.0, -1.0, 0.2, -2.0])
    steps = 1e-5 * np.eye(len(position))
    differences = [(density(position + step)[0] - density(position - step)[0]) / 2e-5 for step in steps]
    assert density(position)[1] == pytest.approx(differences, rel=1e-5)


def test_fit_finds_the_relevant_parameter() -> None:
    inputs = some_inputs(60, budgets=False)
    losses = np.sin(5 * inputs.units[:, 1])
    losses = (losses - losses.mean()) / losses.std()
    scales = GaussianProcess.fit(inputs, losses).log_scales
    assert scales[1] == scales.min()
    assert scales[1] < np.delete(scales, [1, 4]).min() - 1


def test_shared_learning_curve_transfers_between_budgets() -> None:
    """Losses decrease equally with the budget, and there are few observations at the largest budget."""
    units = np.linspace(0, 1, 12)
    low = np.column_stack([units, np.zeros(12)])
    high = np.column_stack([units[[0, 6]], np.ones(2)])
    inputs = Inputs(np.vstack([low, high]), np.zeros(2, bool))
    losses = np.append((units - 0.7) ** 2, (units[[0, 6]] - 0.7) ** 2 - 3)
    losses = (losses - losses.mean()) / losses.std()
    asked = Inputs(np.column_stack([np.linspace(0, 1, 101), np.ones(101)]), np.zeros(2, bool))
    mean, _ = GaussianProcess.fit(inputs, losses).predict(asked)
    assert np.linspace(0, 1, 101)[mean.argmin()] == pytest.approx(0.7, abs=0.1)


def test_conditioning_on_the_mean_reduces_only_the_deviation() -> None:
    inputs = some_inputs(20)
    model = GaussianProcess.fit(inputs, np.random.default_rng(3).normal(size=20))
    running, asked = some_inputs(2, seed=4), some_inputs(8, seed=5)
    before, after = model.predict(asked), model.condition_on_mean(running).predict(asked)
    assert after[0] == pytest.approx(before[0], abs=1e-6)
    assert (after[1] < before[1]).all()


def test_equal_losses_can_be_fitted() -> None:
    mean, deviation = GaussianProcess.fit(some_inputs(5), np.zeros(5)).predict(some_inputs(3, seed=1))
    assert mean == pytest.approx([0, 0, 0])
    assert (deviation > 0).all()
