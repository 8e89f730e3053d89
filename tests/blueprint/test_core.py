import pytest

from metaopt.blueprint import Activation, BatchNormalization, Dense, Dropout, Flatten, Input, Rescaling, ZeroPadding2D


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (Dense(5), (4, 6, 5)),  # over the last axis, as Keras
        (BatchNormalization(), (4, 6, 3)),
        (Activation("relu"), (4, 6, 3)),
        (Dropout(0.5), (4, 6, 3)),
        (Rescaling(2, offset=-1), (4, 6, 3)),
        (Flatten(), (72,)),
        (ZeroPadding2D((1, 2)), (6, 10, 3)),
        (ZeroPadding2D(((0, 1), (2, 0))), (5, 8, 3)),
    ],
)
def test_output_shapes(layer, shape):
    assert layer(Input((4, 6, 3))).shape == shape


def test_dense_counts_match_hand_counts():
    assert Dense(5).parameters((7,)) == (40, 0)
    assert Dense(5, use_bias=False).parameters((7,)) == (35, 0)
    assert Dense(5).macs((5,), (7,)) == 35
    assert Dense(5).macs((4, 6, 5), (4, 6, 3)) == 24 * 15


@pytest.mark.parametrize(
    ("arguments", "parameters"),
    [({}, (16, 16)), ({"scale": False}, (8, 16)), ({"scale": False, "center": False}, (0, 16))],
)
def test_batch_normalization_counts_moving_statistics_as_frozen(arguments, parameters):
    assert BatchNormalization(**arguments).parameters((4, 4, 8)) == parameters
