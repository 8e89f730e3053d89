from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.small_data import Cell, draw, format_table


@pytest.fixture
def images(tmp_path: Path) -> Path:
    path = tmp_path / "images.npz"
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (60, 8, 8, 3), dtype=np.uint8)
    y = np.arange(60) % 3
    np.savez(path, x_train=x, y_train=y, x_test=x[:9] + 1, y_test=y[:9], classes=np.array(["a", "b", "c"]))
    return path


def test_as_many_images_of_each_class_are_drawn_by_seed(images: Path, tmp_path: Path) -> None:
    drawn = []
    for seed in (0, 1):
        with np.load(draw(Cell("some", str(images), 4, "scratch", seed), tmp_path)) as arrays:
            assert np.bincount(arrays["y_train"]).tolist() == [4, 4, 4]
            assert len(arrays["x_test"]) == 9
            drawn.append(arrays["x_train"])
    assert not np.array_equal(*drawn)


def test_methods_of_one_seed_have_the_same_images(images: Path, tmp_path: Path) -> None:
    assert draw(Cell("some", str(images), 4, "scratch", 0), tmp_path) == draw(
        Cell("some", str(images), 4, "transfer", 0), tmp_path
    )


def test_a_class_with_too_few_images_is_named(images: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="a class has fewer than 30 training images"):
        draw(Cell("some", str(images), 30, "scratch", 0), tmp_path)


def test_the_table_has_the_mean_with_the_interval_of_students_t() -> None:
    results = {Cell("some", "", 50, "recipe", seed): {"accuracy": 0.6 + 0.1 * seed} for seed in range(3)}
    results[Cell("some", "", 50, "transfer", 0)] = {"accuracy": 0.8}
    table = format_table(results, Namespace(time=600.0, parallel=1))
    # t of 2 degrees of freedom is 4.303; the standard deviation is 0.1
    assert "| some | 50 | 0.800 (n = 1) | 0.700 ± 0.248 |" in table
