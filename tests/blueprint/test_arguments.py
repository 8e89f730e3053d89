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
def test_equal_layers_have_one_form(one, other):
    assert repr(one.config) == repr(other.config)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Conv2D(0, 3), "Conv2D: filters must be 1 or more, not 0"),
        (lambda: Conv2D(2.5, 3), "filters must be a whole number, not 2.5"),
        (lambda: Conv2D("8", 3), "filters must be a whole number"),
        (lambda: Conv2D(8, float("nan")), "kernel_size must be a whole number"),
        (lambda: Conv2D(8, (3, 3, 3)), "kernel_size must be one or two"),
        (lambda: Conv2D(8, 3, padding=-1), "padding must be 0 or more"),
        (lambda: Conv2D(8, 3, padding="smae"), "padding must be 'same', 'valid' or"),
        (lambda: Conv2D(8, 3, activation="reul"), "did you mean 'relu'?"),
        (lambda: Conv2D(8, 3, activation=["relu"]), "activation"),
        (lambda: Conv2D(8, 3, kernel_initializer="he"), "kernel_initializer 'he' is unknown"),
        (lambda: Conv2D(8, 3, strides=2, dilation_rate=(1, 2)), "cannot both be above 1"),
        (lambda: Dense(4, kernel_regularizer=-0.1), "kernel_regularizer must be a number 0 or more"),
        (lambda: Dense(4, kernel_regularizer=float("nan")), "kernel_regularizer"),
        (lambda: Dropout(1.5), "rate must be a number between 0 and 1"),
        (lambda: BatchNormalization(momentum="high"), "momentum"),
        (lambda: Activation("glu"), "unknown"),  # halves the channels
        (lambda: Input((0, 8, 3)), "Input: each size of the shape must be 1 or more"),
        (lambda: Input(()), "at least one axis"),
    ],
)
def test_wrong_arguments_are_refused(make, words):
    with pytest.raises(InvalidArchitecture) as caught:
        make()
    assert words in str(caught.value)
    assert caught.value.input_shape is None


def test_a_refusal_is_not_forgotten_by_the_cache():
    for _ in range(2):
        with pytest.raises(InvalidArchitecture):
            Conv2D(8, 0)
