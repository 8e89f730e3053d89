import pytest

from metaopt.blueprint import Conv2D, DepthwiseConv2D, Input, InvalidArchitecture, SeparableConv2D


@pytest.mark.parametrize(
    ("arguments", "shape"),
    [
        ({"padding": "same"}, (9, 7, 8)),
        ({}, (7, 5, 8)),
        ({"padding": "same", "strides": 2}, (5, 4, 8)),
        ({"strides": (1, 2)}, (7, 3, 8)),
        ({"dilation_rate": 2}, (5, 3, 8)),
        ({"padding": 1, "strides": 2}, (5, 4, 8)),
        ({"padding": (2, 0)}, (11, 5, 8)),
        ({"padding": ((1, 0), (0, 2)), "strides": 3}, (3, 3, 8)),
        ({"padding": 2, "dilation_rate": 2}, (9, 7, 8)),
    ],
)
def test_output_shapes_of_3x3_convolutions(arguments, shape):
    assert Conv2D(8, 3, **arguments)(Input((9, 7, 3))).shape == shape


@pytest.mark.parametrize(
    ("layer", "parameters", "macs"),
    [
        # 16×16 positions, kernel 3·3·4 for each of 8 filters
        (Conv2D(8, 3, padding="same"), 9 * 4 * 8 + 8, 256 * 9 * 4 * 8),
        (Conv2D(8, 3, padding="same", use_bias=False), 9 * 4 * 8, 256 * 9 * 4 * 8),
        (Conv2D(8, 3, padding="same", strides=2), 9 * 4 * 8 + 8, 64 * 9 * 4 * 8),
        (Conv2D(8, (1, 5), groups=2), 5 * 2 * 8 + 8, 16 * 12 * 5 * 2 * 8),
        (DepthwiseConv2D(3, depth_multiplier=2), 9 * 4 * 2 + 8, 14 * 14 * 9 * 4 * 2),
        (SeparableConv2D(8, 3, depth_multiplier=2), 9 * 8 + 8 * 8 + 8, 14 * 14 * (9 * 8 + 8 * 8)),
    ],
)
def test_parameters_and_macs_match_hand_counts(layer, parameters, macs):
    node = layer(Input((16, 16, 4)))
    assert layer.parameters((16, 16, 4)) == (parameters, 0)
    assert layer.macs(node.shape, (16, 16, 4)) == macs


def test_channels_must_be_divisible_by_groups():
    with pytest.raises(InvalidArchitecture, match=r"filters: 6. Expected a multiple of groups \(4\)"):
        Conv2D(6, 3, groups=4)
    with pytest.raises(InvalidArchitecture, match=r"3 input channels are not divisible by groups \(2\)"):
        Conv2D(6, 3, groups=2)(Input((8, 8, 3)))


@pytest.mark.parametrize("make", [lambda: DepthwiseConv2D(3, strides=(1, 2)), lambda: SeparableConv2D(8, 3, (2, 1))])
def test_depthwise_strides_must_be_equal(make):
    with pytest.raises(InvalidArchitecture, match="Expected equal strides"):
        make()
