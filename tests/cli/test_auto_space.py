"""``--space auto``: which space it selects, and why."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metaopt.cli.auto_space import choose_space, find_cached_backbones
from metaopt.data import DataSet, DataSpec, load

BACKBONES = ("base.keras",)


def load_images(folder: Path, count: int = 60, side: int = 32, channels: int = 3, **arrays: Any) -> DataSet:
    path = folder / "images.npz"
    images = np.random.default_rng(0).integers(0, 255, (count, side, side, channels), dtype=np.uint8)
    np.savez(path, **{"x_train": images, "y_train": np.arange(count) % 3, **arrays})
    return load(DataSpec(str(path)))


def choose(data: DataSet, backbones: tuple[str, ...] = BACKBONES, *, gpu: bool = False, fits: bool = True) -> str:
    name, reason = choose_space(data, backbones, gpu=gpu, fits=lambda _: fits)
    return f"{name}: {reason}"


def test_few_images_are_for_a_pretrained_backbone(tmp_path: Path) -> None:
    assert choose(load_images(tmp_path)) == "transfer: 16 images per class are few, and there is a pretrained backbone"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"backbones": ()}, "but no pretrained backbone is on this machine; --backbone names one"),
        ({"fits": False}, "but no network with a pretrained backbone meets the limits"),
    ],
)
def test_without_a_backbone_that_fits_it_is_a_small_cnn(given: Any, expected: str, tmp_path: Path) -> None:
    assert choose(load_images(tmp_path), **given) == f"photo_cnn: 16 images per class are few, {expected}"


def test_small_images_and_other_channels_are_for_a_small_cnn(tmp_path: Path) -> None:
    assert choose(load_images(tmp_path, side=15)).startswith("photo_cnn: 16 images per class are few, and at 15 pixels")
    assert choose(load_images(tmp_path, side=16)).startswith("transfer: ")
    assert "takes images of 2 channels" in choose(load_images(tmp_path, channels=2))


def test_many_images_are_for_a_network_of_ones_own(tmp_path: Path) -> None:
    data = load_images(tmp_path, count=2400, side=8)
    assert choose(data).startswith("photo_cnn: 640 images per class are enough")
    assert choose(data, gpu=True).startswith("cnn: 640 images per class are enough")


def test_signals_and_image_targets_have_spaces_of_their_own(tmp_path: Path) -> None:
    signals = np.random.default_rng(0).normal(size=(60, 50, 2)).astype(np.float32)
    assert choose(load_images(tmp_path, x_train=signals)) == "signal_cnn: the data are signals"


def test_backbones_are_those_whose_weights_are_in_the_cache_of_keras(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert find_cached_backbones() == []
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "efficientnetv2-b0_notop.h5").touch()
    assert find_cached_backbones() == ["EfficientNetV2B0"]
