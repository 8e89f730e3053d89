import numpy as np
import pytest

from metaopt.blueprint import Activation, BatchNormalization, Conv2D, Dense, Dropout, Input, InvalidArchitecture
from metaopt.blueprint import ZeroPadding2D as Pad


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Conv2D(8, 3), Conv2D(8.0, (3, 3))),  # hyperopt's quniform gives floats
        (Conv2D(8, 3), Conv2D(np.int64(8), [3, np.float64(3)])),
        (Conv2D(8, 3, padding=0), Conv2D(8, 3, padding="valid")),
        (Conv2D(8, 3, padding=1), Conv2D(8, 3, padding=((1, 1), [1, 1]))),
        (Conv2D(8, 3, activation=None), Conv2D(8, 3, activation="linear")),
        (Conv2D(8, 3, activation="swish"), Conv2D(8, 3, activation="silu")),
        (Dense(4, kernel_regularizer=None), Dense(4, kernel_regularizer=-0.0)),
        (Dense(4, kernel_regularizer=1), Dense(4, kernel_regularizer=np.float32(1))),
        (Dropout(0), Dropout(0.0)),
        (Pad(2), Pad(((2, 2), (2, 2)))),
        (Dense(4, name="a"), Dense(4, name="b")),
    ],
)
def test_equivalent_arguments_give_equal_configurations(one, other):
    assert repr(one.config) == repr(other.config)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Conv2D(0, 3), "Conv2D: Invalid value for filters: 0. Expected an integer >= 1."),
        (lambda: Conv2D(2.5, 3), "Invalid value for filters: 2.5. Expected an integer >= 1."),
        (lambda: Conv2D("8", 3), "Invalid value for filters: '8'"),
        (lambda: Conv2D(8, float("nan")), "Invalid value for kernel_size: nan"),
        (lambda: Conv2D(8, (3, 3, 3)), "Invalid value for kernel_size: (3, 3, 3). Expected one or two integers >= 1."),
        (lambda: Conv2D(8, 3, padding=-1), "Invalid value for padding: -1. Expected an integer >= 0."),
        (
            lambda: Conv2D(8, 3, padding="smae"),
            "padding: 'smae'. Expected 'same', 'valid' or integers >= 0.",
        ),
        (lambda: Conv2D(8, 3, activation="reul"), "Did you mean 'relu'?"),
        (lambda: Conv2D(8, 3, activation=["relu"]), "activation"),
        (lambda: Conv2D(8, 3, kernel_initializer="he"), "Invalid value for kernel_initializer: 'he'."),
        (
            lambda: Conv2D(8, 3, strides=2, dilation_rate=(1, 2)),
            "to be 1, got strides (2, 2), dilation_rate (1, 2).",
        ),
        (
            lambda: Dense(4, kernel_regularizer=-0.1),
            "kernel_regularizer: -0.1. Expected a number >= 0.",
        ),
        (lambda: Dense(4, kernel_regularizer=float("nan")), "kernel_regularizer"),
        (lambda: Dropout(1.5), "Invalid value for rate: 1.5. Expected a number in [0, 1]."),
        (lambda: BatchNormalization(momentum="high"), "momentum"),
        (lambda: Activation("glu"), "Invalid value for activation: 'glu'"),  # halves the channels
        (lambda: Input((0, 8, 3)), "Input: Invalid value for shape: 0. Expected an integer >= 1."),
        (lambda: Input(()), "at least one axis"),
    ],
)
def test_invalid_arguments_are_rejected(make, message):
    with pytest.raises(InvalidArchitecture) as caught:
        make()
    assert message in str(caught.value)
    assert caught.value.input_shape is None


def test_cached_checks_reject_invalid_arguments_again():
    for _ in range(2):
        with pytest.raises(InvalidArchitecture):
            Conv2D(8, 0)
