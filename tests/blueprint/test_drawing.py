from types import SimpleNamespace

import pytest

from metaopt.blueprint import (
    Blueprint,
    Conv1D,
    Conv2D,
    Conv3D,
    Dense,
    DepthwiseConv2D,
    Flatten,
    Input,
    MaxPooling1D,
    MaxPooling2D,
)
from metaopt.blueprint.drawing import _format_number, format_layer_title
from metaopt.errors import UserError


@pytest.fixture
def blueprint() -> Blueprint:
    inputs = Input((8, 8, 3))
    x = Conv2D(4, 3, activation="relu")(inputs)
    return Blueprint(inputs, {"fine": Dense(10)(Flatten()(x)), "coarse": Dense(2)(Flatten()(x))})


def test_draw_writes_png_and_svg_into_a_new_folder(blueprint, tmp_path):
    blueprint.draw(tmp_path / "new" / "network.png", title="The best of 50 trials")
    blueprint.draw(tmp_path / "new" / "network.SVG")
    assert (tmp_path / "new" / "network.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (tmp_path / "new" / "network.SVG").read_bytes()


def test_drawing_is_reproducible(blueprint, tmp_path):
    blueprint.draw(tmp_path / "a.svg")
    blueprint.draw(tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_other_suffixes_are_rejected(blueprint, tmp_path):
    with pytest.raises(UserError, match=r"path: network\.jpg\. Expected a file name ending in \.png or \.svg"):
        blueprint.draw(tmp_path / "network.jpg")


@pytest.mark.parametrize(
    ("layer", "title"),
    [
        (Conv2D(64, 3), "Conv 64 · 3×3"),
        (Conv2D(64, (3, 1), strides=2), "Conv 64 · 3×1 /2"),
        (Conv2D(64, 3, dilation_rate=2), "Conv 64 · 3×3 ×2 dilated"),
        (DepthwiseConv2D(5), "Depthwise conv · 5×5"),
        (MaxPooling2D(2), "Max pool · 2×2"),
        (MaxPooling2D(3, strides=2), "Max pool · 3×3 /2"),
        (Dense(10), "Dense 10"),
        (SimpleNamespace(kind="Own", filters=8, kernel_size=3, strides=2, dilation_rate=1), "Own 8 · 3×3 /2"),
        (SimpleNamespace(kind="Own", kernel_size=[3, 5]), "Own · 3×5"),
    ],
)
def test_format_layer_titles(layer, title):
    assert format_layer_title(layer) == title


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (999, "999"), (1000, "1.00 k"), (35_640, "35.6 k"), (234_632_736, "235 M")]
)
def test_numbers_get_si_prefixes(number, text):
    assert _format_number(number) == text


def test_titles_have_a_size_for_each_axis() -> None:
    assert format_layer_title(Conv1D(8, 5, strides=2)) == "Conv 8 · 5 /2"
    assert format_layer_title(Conv3D(8, 3, strides=(1, 2, 2))) == "Conv 8 · 3×3×3 /1×2×2"
    assert format_layer_title(MaxPooling1D(4)) == "Max pool · 4"
