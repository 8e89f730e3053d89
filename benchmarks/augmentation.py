#!/usr/bin/env python3
"""Images per second that each augmentation makes on one core, and what the alternatives make.

    python3 benchmarks/augmentation.py

CPU time of the fastest of several batches of 64 images, so that other processes disturb little. The alternatives move
and turn images like the group ``frame``: NumPy with the same bilinear interpolation, SciPy, and layers of Keras.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ |= {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}

import numpy as np

from metaopt.data.augmentation.geometry import draw_moves
from metaopt.data.augmentation.policy import vary
from metaopt.problems.augmentation_policy import AugmentationPolicy

SIDES = (32, 96)
BATCH = 64
REPEATS = 15
Change = Callable[[np.ndarray, np.random.Generator], object]
FRAME: Mapping[str, Any] = {"shift": 0.125, "rotate": 15.0, "zoom": 0.2}
COLOUR: Mapping[str, Any] = {"brightness": 0.3, "contrast": 0.3, "saturation": 0.3}
RANDAUGMENT: Mapping[str, Any] = {"randaugment_count": 2, "randaugment_magnitude": 9.0}
POLICIES: Mapping[str, Mapping[str, Any]] = {
    "flip": {"flip": 0.5},
    "shift, rotation and zoom": FRAME,
    "random resized crop": {"crop": 0.92},
    "brightness, contrast and saturation": COLOUR,
    "RandAugment, 2 operations": RANDAUGMENT,
    "all but the crop": {"flip": 0.5, **FRAME, **COLOUR, **RANDAUGMENT},
}


def main() -> None:
    """Print a table."""
    print(f"| images per CPU second | {' | '.join(f'{side}×{side}×3' for side in SIDES)} |")
    print("|---|" + "---|" * len(SIDES))
    for name, strengths in POLICIES.items():
        print_row(name, partial(apply_policy, AugmentationPolicy(**strengths)))
    for name, change in {"NumPy": with_numpy, "SciPy": with_scipy, "Keras' layers": make_with_keras()}.items():
        print_row(f"shift, rotation and zoom with {name}", change)


def print_row(name: str, change: Change) -> None:
    """Print a row of the table, with two digits."""
    rates = [f"{float(f'{measure(change, side):.2g}'):,.0f}" for side in SIDES]
    print(f"| {name} | {' | '.join(rates)} |", flush=True)


def apply_policy(policy: AugmentationPolicy, images: np.ndarray, rng: np.random.Generator) -> object:
    """Make a variant of each image."""
    return vary(images, [], policy, rng, may_mirror=True)


def measure(change: Change, side: int) -> float:
    """Return how many images of a side a change makes in a second of CPU time."""
    coarse = np.random.default_rng(0).integers(0, 256, (BATCH, side // 4, side // 4, 3), np.uint8)
    images = coarse.repeat(4, axis=1).repeat(4, axis=2)
    seconds = []
    for number in range(REPEATS):
        rng = np.random.default_rng(number)
        began = time.process_time()
        change(images, rng)
        seconds.append(time.process_time() - began)
    return BATCH / min(seconds)


def draw_maps(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return maps around the centre of images, (n, 3, 3)."""
    policy = AugmentationPolicy(**FRAME)
    return draw_moves(policy, len(images), images.shape[1:3], rng, may_mirror=False).maps


def with_numpy(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Move images with NumPy."""
    n, height, width, channels = images.shape
    maps = draw_maps(images, rng).astype(np.float32)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    x, y = x - (width - 1) / 2, y - (height - 1) / 2

    def source(axis: int, side: int) -> np.ndarray:
        a, b, c = (maps[:, axis, column, None, None] for column in range(3))
        return np.clip(a * x + b * y + c + (side - 1) / 2, 0, side - 1)

    source_x, source_y = source(0, width), source(1, height)
    left = np.minimum(source_x.astype(np.int32), width - 2)
    top = np.minimum(source_y.astype(np.int32), height - 2)
    right_share, bottom_share = (source_x - left)[..., None], (source_y - top)[..., None]
    base = np.arange(n)[:, None, None] * height * width + top * width + left
    flat = images.reshape(-1, channels).astype(np.float32)
    above, below = flat.take(base, 0), flat.take(base + width, 0)
    above += (flat.take(base + 1, 0) - above) * right_share
    below += (flat.take(base + width + 1, 0) - below) * right_share
    above += (below - above) * bottom_share
    return above.astype(np.uint8)


def with_scipy(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Move images with SciPy."""
    from scipy import ndimage

    moved = np.empty_like(images)
    centre = (np.array(images.shape[1:3]) - 1) / 2
    for image, to, each in zip(images, moved, draw_maps(images, rng), strict=True):
        matrix = each[:2, :2][::-1, ::-1]  # rows before columns
        offset = centre - matrix @ centre + each[1::-1, 2]
        for channel in range(images.shape[3]):
            ndimage.affine_transform(
                image[..., channel], matrix, offset, output=to[..., channel], order=1, mode="nearest"
            )
    return moved


def make_with_keras() -> Change:
    """Return a function that moves images with layers of Keras, which draw from their own generators."""
    import keras

    layers = [
        keras.layers.RandomTranslation(FRAME["shift"], FRAME["shift"], fill_mode="nearest", seed=0),
        keras.layers.RandomRotation(FRAME["rotate"] / 360, fill_mode="nearest", seed=0),
        keras.layers.RandomZoom(FRAME["zoom"], fill_mode="nearest", seed=0),
    ]

    def move(images: np.ndarray, _: np.random.Generator) -> object:
        values = keras.ops.convert_to_tensor(images.astype(np.float32))
        for layer in layers:
            values = layer(values, training=True)
        return keras.ops.convert_to_numpy(values)

    return move


if __name__ == "__main__":
    main()
