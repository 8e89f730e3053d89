"""A small labelled image set that a network can learn within a few epochs."""

from pathlib import Path

import numpy as np
import pytest

from metaopt.data import DataSet, DataSpec, load


@pytest.fixture(scope="session")
def tiny_spec(tmp_path_factory: pytest.TempPathFactory) -> DataSpec:
    """300 noisy images of 8×8 pixels with a bright quarter: four fine and two coarse classes."""
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 4
    images = rng.integers(0, 120, (300, 8, 8, 1), np.uint8)
    for image, label in zip(images, labels, strict=True):
        row, column = divmod(int(label), 2)
        image[4 * row : 4 * row + 4, 4 * column : 4 * column + 4] += 100
    path: Path = tmp_path_factory.mktemp("tiny") / "tiny.npz"
    arrays = {"x_train": images[:240], "y_train": labels[:240], "x_test": images[240:], "y_test": labels[240:]}
    np.savez(path, **arrays, y_train_coarse=labels[:240] // 2, y_test_coarse=labels[240:] // 2)
    return DataSpec(str(path), augment="shift")


@pytest.fixture(scope="session")
def tiny(tiny_spec: DataSpec) -> DataSet:
    return load(tiny_spec)
