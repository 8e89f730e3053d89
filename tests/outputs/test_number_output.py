import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

from metaopt.outputs import NumberOutput

RNG = np.random.default_rng(0)
TARGETS = RNG.normal((1000.0, 0.01), (50.0, 0.002), (200, 2))
OUTPUT = NumberOutput(("weight", "length")).fitted(TARGETS)


def test_encoded_targets_have_mean_0_and_deviation_1() -> None:
    encoded = OUTPUT.encode(TARGETS)
    assert encoded.dtype == np.float32
    np.testing.assert_allclose(encoded.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(encoded.std(axis=0), 1, rtol=1e-5)


def test_decoding_restores_the_units() -> None:
    np.testing.assert_allclose(OUTPUT.decode(OUTPUT.encode(TARGETS)), TARGETS, rtol=1e-5)


def test_metrics_are_those_of_scikit_learn() -> None:
    predicted = TARGETS + RNG.normal(0, (5, 0.001), TARGETS.shape)
    metrics = OUTPUT.measure(predicted, TARGETS)
    assert metrics["mse"] == pytest.approx(mean_squared_error(TARGETS, predicted))
    assert metrics["mae"] == pytest.approx(mean_absolute_error(TARGETS, predicted))
    assert metrics["r2"] == pytest.approx(r2_score(TARGETS, predicted))
    encoded = OUTPUT.encode(TARGETS).astype(float)
    assert metrics["loss"] == pytest.approx(((OUTPUT.encode(predicted) - encoded) ** 2).mean(), rel=1e-4)


def test_a_constant_target_has_scale_1_and_r2_0() -> None:
    constant = np.full((5, 1), 7.0)
    output = NumberOutput(("n",)).fitted(constant)
    assert (output.mean, output.scale) == ((7.0,), (1.0,))
    assert output.measure(constant + 1, constant)["r2"] == 0.0


def test_strata_are_tenths_of_the_first_number() -> None:
    strata = OUTPUT.strata(TARGETS)
    assert np.bincount(strata).tolist() == [20] * 10
    assert TARGETS[strata == 0, 0].max() < TARGETS[strata == 9, 0].min()
