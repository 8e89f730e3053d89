import pytest

from metaopt.blueprint import AveragePooling2D, GlobalAveragePooling2D, Input, InvalidArchitecture, MaxPooling2D


@pytest.mark.parametrize("kind", [MaxPooling2D, AveragePooling2D])
@pytest.mark.parametrize(
    ("arguments", "shape"),
    [
        ({}, (4, 3, 3)),
        ({"padding": "same"}, (5, 4, 3)),
        ({"pool_size": 3, "strides": 2, "padding": "same"}, (5, 4, 3)),
        ({"pool_size": 3, "strides": 1}, (7, 5, 3)),
        ({"pool_size": (2, 7)}, (4, 1, 3)),
        ({"pool_size": 3, "strides": 2, "padding": 1}, (5, 4, 3)),
    ],
)
def test_output_shapes_of_pooling(kind, arguments, shape):
    assert kind(**arguments)(Input((9, 7, 3))).shape == shape


def test_output_shapes_of_global_pooling():
    assert GlobalAveragePooling2D()(Input((9, 7, 3))).shape == (3,)
    assert GlobalAveragePooling2D(keepdims=True)(Input((9, 7, 3))).shape == (1, 1, 3)


def test_window_larger_than_the_image_is_rejected():
    with pytest.raises(InvalidArchitecture, match="would be empty"):
        MaxPooling2D((2, 8))(Input((9, 7, 3)))
