"""Training images as networks see them: originals and augmented variants, for a contact sheet."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from metaopt.data import DataSet
from metaopt.data.augmentation import BatchAugmentation
from metaopt.data.scaling import scale, unscale
from metaopt.outputs import ClassOutput, LabelOutput, NumberOutput, Output
from metaopt.problems.training_config import Training
from metaopt.randomness import make_generator

MOST_IMAGES = 6
VARIANTS = 7
_PURPOSE = "contact sheet"

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class AugmentedImages:
    """Training images and their variants.

    Attributes:
        originals: ``(k, h, w, c)``.
        names: target of the first head of each image as text, ``k``.
        variants: ``(v, k, h, w, c)``.
        shares: for each variant and image, the share of the image itself in its label, ``(v, k)``; 1 without mixing.
    """

    originals: Pixels
    names: list[str]
    variants: Pixels
    shares: npt.NDArray[np.float32]


def augment_images(data: DataSet, trainings: Sequence[Training], seed: int = 0) -> AugmentedImages:
    """Return some training images with one variant of each training configuration.

    The variants are made as in training: see ``BatchAugmentation``. The images that are mixed are those shown.

    Args:
        data: images, not signals or volumes; of classes one image each, of as many as there is place for.
        trainings: training configuration of each variant.
        seed: seed of the choice of images and of the variants.
    """
    head, output = next(iter(data.outputs.items()))
    rows = _choose(output, data.train.labels[head], make_generator(seed, 0, _PURPOSE))
    originals, targets = data.train.batch(rows)
    variants, shares = [], []
    for number, training in enumerate(trainings):
        rng = make_generator(seed, 0, _PURPOSE, number + 1)
        augmentation = BatchAugmentation(data.augment, training, {})
        pixels, _ = augmentation.vary(originals, {}, rng)
        inputs = augmentation.cover(scale(pixels), rng)
        inputs, labels = augmentation.mix(inputs, {head: np.eye(len(rows), dtype=np.float32)}, rng)
        variants.append(unscale(inputs))
        shares.append(labels[head].diagonal())
    names = [_name(output, each) for each in np.asarray(targets[head])]
    return AugmentedImages(originals, names, np.stack(variants), np.stack(shares))


def describe_augmentation(data: DataSet, training: Training) -> str:
    """Return the augmentation of a training as text, e.g. ``flip 0.5, rotate 12``."""
    own = {"mixup": training.mixup, "cutout (pixels)": training.cutout}
    policy = training.augmentation
    parts: list[str] = [data.augment] if policy is None and data.augment != "none" else []
    strengths = {} if policy is None else policy.strengths
    if strengths.get("flip") and "flip" not in data.augment:
        del strengths["flip"]  # the data do not allow it
    parts += [f"{name.replace('_', ' ')} {value:.3g}" for name, value in {**strengths, **own}.items() if value]
    return ", ".join(parts) or "none"


def _choose(output: Output, targets: npt.NDArray[Any], rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Return the rows of some images: of classes one each, in the order of the classes."""
    order = rng.permutation(len(targets))
    if not isinstance(output, ClassOutput):
        return order[:MOST_IMAGES]
    _, first = np.unique(np.asarray(targets)[order], return_index=True)
    # Evenly over the classes, as the first ones of many may look alike.
    places = np.unique(np.linspace(0, len(first) - 1, MOST_IMAGES).round().astype(np.intp))
    return order[first[places]]


def _name(output: Output, target: Any) -> str:
    match output:
        case ClassOutput():
            return output.names[int(target)]
        case LabelOutput():
            return ", ".join(output.names[each] for each in np.flatnonzero(target)) or "no label"
        case NumberOutput():
            return ", ".join(f"{value:.4g}" for value in np.atleast_1d(target).tolist())
    return ""
