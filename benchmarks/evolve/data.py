"""Data of the tasks: prepared once into one file, and split by the seed of a run.

The test part is the same in every run, and no method sees it.
"""

import io
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

_SIDE = 28  # of the enlarged digits
_GAP_IMAGES, _GAP_TEST = 1000, 500  # of CIFAR-10, to train on and to validate; to test
_TEST_SHARE = 0.2  # of the digits, which have no test part
_VALIDATION_SHARE = 0.2


@dataclass(frozen=True)
class Part:
    """Examples of one part.

    Attributes:
        x: inputs, float32.
        y: one-hot classes, or images in 0..1, float32.
        weights: weight of each pixel of the targets, (n, height, width); None for classes.
    """

    x: np.ndarray
    y: np.ndarray
    weights: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.x)

    def take(self, rows: np.ndarray) -> "Part":
        """Return some of the examples."""
        return Part(self.x[rows], self.y[rows], None if self.weights is None else self.weights[rows])


@dataclass(frozen=True)
class Data:
    """Parts of one run."""

    train: Part
    validation: Part
    test: Part


def prepare(shared: Path, out: Path) -> None:
    """Write the data of all tasks into one file; needs Pillow, scikit-learn and SciPy.

    Args:
        shared: folder with ``flowers17/`` and ``cifar10_jpeg.npz``.
        out: the file.
    """
    flowers, gaps = _prepare_flowers(shared / "flowers17"), _prepare_gaps(shared / "cifar10_jpeg.npz")
    np.savez_compressed(out, **_prepare_digits(), **flowers, **gaps)
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB")


def load(path: Path, task: str, seed: int) -> Data:
    """Return the parts of a run; the validation part is drawn with its seed."""
    with np.load(path) as arrays:
        named = {name.partition(".")[2]: arrays[name] for name in arrays.files if name.startswith(f"{task}.")}
    rest, test = (_gaps if task == "gaps" else _classes)(task, named)
    order = np.random.default_rng(seed).permutation(len(rest))
    n_validation = round(_VALIDATION_SHARE * len(rest))
    return Data(rest.take(order[n_validation:]), rest.take(order[:n_validation]), test)


def _classes(task: str, named: dict[str, np.ndarray]) -> tuple[Part, Part]:
    n_classes = int(named["y"].max()) + 1
    # As everywhere in metaopt, values of images are scaled to −0.5..0.5.
    x = named["x"].astype(np.float32) / 255 - 0.5
    if task == "digits":
        x = x.reshape(len(x), -1)
    parts = Part(x, np.eye(n_classes, dtype=np.float32)[named["y"]])
    is_test = named["is_test"]
    return parts.take(np.flatnonzero(~is_test)), parts.take(np.flatnonzero(is_test))


def _gaps(task: str, named: dict[str, np.ndarray]) -> tuple[Part, Part]:
    del task
    images = named["x"].astype(np.float32) / 255
    holes = np.unpackbits(named["holes"], axis=-1).astype(np.float32)  # (n, 32, 32)
    inputs = np.concatenate([(images - 0.5) * (1 - holes[..., None]), holes[..., None]], axis=-1)
    # With these weights, the mean over all pixels is the mean squared error inside the holes.
    parts = [(rows, holes[rows] / holes[rows].mean()) for rows in (slice(None, _GAP_IMAGES), slice(_GAP_IMAGES, None))]
    rest, test = (Part(inputs[rows], images[rows], weights) for rows, weights in parts)
    return rest, test


def _prepare_digits() -> dict[str, np.ndarray]:
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = [Image.fromarray((image * 255 / 16).astype(np.uint8)) for image in digits.images]
    enlarged = [np.asarray(image.resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)) for image in images]
    labels = digits.target.astype(np.uint8)
    return {"digits.x": np.stack(enlarged), "digits.y": labels, "digits.is_test": _draw_test(labels)}


def _draw_test(labels: np.ndarray) -> np.ndarray:
    """Return which examples are the test part, the same share of each class."""
    is_test = np.zeros(len(labels), dtype=bool)
    rng = np.random.default_rng(0)
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        is_test[rows[: round(_TEST_SHARE * len(rows))]] = True
    return is_test


def _prepare_flowers(folder: Path) -> dict[str, np.ndarray]:
    from PIL import Image

    names = sorted(path.name for path in (folder / "train").iterdir())
    found: list[tuple[Any, int, bool]] = []
    for part in ("train", "test"):
        for label, name in enumerate(names):
            for path in sorted((folder / part / name).iterdir()):
                found.append((np.asarray(Image.open(path).convert("RGB")), label, part == "test"))
    images, labels, is_test = zip(*found, strict=True)
    return {
        "flowers17.x": np.stack(images),
        "flowers17.y": np.array(labels, dtype=np.uint8),
        "flowers17.is_test": np.array(is_test),
    }


def _prepare_gaps(file: Path) -> dict[str, np.ndarray]:
    from PIL import Image

    pack = np.load(file)
    images = []
    for part, n in (("train", _GAP_IMAGES), ("test", _GAP_TEST)):
        ends = np.cumsum(pack[f"{part}_sizes"][:n].astype(int))
        content = pack[f"{part}_jpeg"][: ends[-1]].tobytes()
        files = [content[start:end] for start, end in itertools.pairwise([0, *ends.tolist()])]
        images += [np.asarray(Image.open(io.BytesIO(file))) for file in files]
    x = np.stack(images)
    return {"gaps.x": x, "gaps.holes": np.packbits(_draw_clouds(len(x), x.shape[1]), axis=-1)}


def _draw_clouds(n: int, side: int) -> np.ndarray:
    """Draw holes in the shape of clouds: where a smooth random field exceeds a quantile; 10 to 40 % of the pixels."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(0)
    fields = gaussian_filter(rng.normal(size=(n, side, side)), sigma=(0, 4, 4), mode="wrap")
    fields += 0.3 * gaussian_filter(rng.normal(size=(n, side, side)), sigma=(0, 1.5, 1.5), mode="wrap")
    bounds = [np.quantile(field, 1 - share) for field, share in zip(fields, rng.uniform(0.1, 0.4, n), strict=True)]
    return fields > np.array(bounds)[:, None, None]
