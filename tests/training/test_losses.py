import numpy as np
import pytest

pytestmark = pytest.mark.slow


def test_masked_loss_is_the_mean_over_pixels_that_count() -> None:
    import keras

    from metaopt.training.losses import masked_mean_squared_error

    rng = np.random.default_rng(0)
    target, predicted = rng.random((2, 3, 4, 4, 2)).astype(np.float32)
    plain = np.asarray(masked_mean_squared_error(target, predicted))
    np.testing.assert_allclose(plain, ((target - predicted) ** 2).mean(axis=(1, 2, 3)), rtol=1e-5)
    mask = (rng.random((3, 4, 4, 1)) < 0.4).astype(np.float32)
    masked = masked_mean_squared_error(np.concatenate([target, mask], axis=3), keras.ops.convert_to_tensor(predicted))
    expected = (((target - predicted) ** 2) * mask).sum() / (2 * mask.sum())
    assert float(np.asarray(masked).mean()) == pytest.approx(expected, rel=1e-5)
