"""Fixtures that write small folders of images."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

MakeFolder = Callable[..., Path]


@pytest.fixture
def make_folder(tmp_path: Path) -> MakeFolder:
    """``make_folder({"cat": 5, "dog": 5}, size=(8, 8))`` writes that many different PNG files into each folder."""
    rng = np.random.default_rng(0)

    def make(counts: dict[str, int], size=(8, 8), channels: int = 3, root: str = "pets") -> Path:
        for name, count in counts.items():
            folder = tmp_path / root / name
            folder.mkdir(parents=True, exist_ok=True)
            for i in range(count):
                width, height = size(i) if callable(size) else size
                pixels = rng.integers(0, 256, (height, width, channels), np.uint8)
                Image.fromarray(pixels.squeeze()).save(folder / f"{i}.png")
        return tmp_path / root

    return make
