import numpy as np
import pytest

from metaopt.blueprint import Blueprint, Input
from metaopt.zoo._layers import MOMENTUM, batch_normalization


def test_batch_normalization_has_a_momentum_for_short_epochs() -> None:
    layer = batch_normalization()
    assert layer.momentum == MOMENTUM == 0.9
    assert layer.center
    assert layer.scale
    assert batch_normalization() is not layer  # a shared layer would share its weights


@pytest.mark.slow
def test_moving_statistics_follow_a_dozen_steps() -> None:
    import keras

    inputs = Input((4, 4, 1))
    model = Blueprint(inputs, batch_normalization()(inputs)).to_keras()
    for _ in range(12):
        model(np.full((2, 4, 4, 1), 5, np.float32), training=True)
    moving_mean = keras.ops.convert_to_numpy(model.layers[-1].moving_mean).item()
    assert moving_mean == pytest.approx(5 * (1 - 0.9**12), rel=1e-4)
