"""Mixing of the images and targets of a batch: mixup and CutMix."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from metaopt.data.augment import mixup

Images = npt.NDArray[np.float32]
Labels = Mapping[str, npt.NDArray[np.float32]]


def mix(
    images: Images, labels: Labels, mixup_alpha: float, cutmix_alpha: float, rng: np.random.Generator
) -> tuple[Images, dict[str, npt.NDArray[np.float32]]]:
    """Apply mixup or CutMix to a batch; with both, one of them with probability 1/2.

    Args:
        images: ``(n, h, w, c)``; not modified.
        labels: head → float32 ``(n, …)``, e.g. probabilities or image targets of the size of the images.
        mixup_alpha: α of mixup; 0 disables it.
        cutmix_alpha: α of CutMix; 0 disables it.
        rng: random generator.
    """
    cuts = cutmix_alpha > 0 and (mixup_alpha <= 0 or rng.random() < 0.5)
    if cuts:
        return cutmix(images, labels, cutmix_alpha, rng)
    return mixup(images, labels, mixup_alpha, rng)


def cutmix(
    images: Images, labels: Labels, alpha: float, rng: np.random.Generator
) -> tuple[Images, dict[str, npt.NDArray[np.float32]]]:
    """Apply CutMix: replace a rectangle of each image by that of another image of the batch.

    Yun et al. 2019, arXiv:1905.04899, section 3.1 and algorithm A1: the batch is cut with a permutation of itself; λ ~
    Beta(α, α), and the rectangle, which is the same for the batch, has the area 1 − λ around a centre that is drawn
    uniformly from the pixels. At the border it is cut off, so the labels are mixed with the share of pixels that is
    really replaced.

    Args:
        images: ``(n, h, w, c)``; not modified.
        labels: head → float32 ``(n, …)``. Image targets ``(n, h, w, any)`` get the same rectangle; others are mixed.
        alpha: α, above 0.
        rng: random generator.
    """
    height, width = images.shape[1:3]
    rows, columns = draw_rectangle(height, width, rng.beta(alpha, alpha), rng)
    other = rng.permutation(len(images))
    replaced = (rows.stop - rows.start) * (columns.stop - columns.start) / (height * width)
    weight = np.float32(1 - replaced)

    def paste(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        pasted = values.copy()
        pasted[:, rows, columns] = values[other, rows, columns]
        return pasted

    def mix_labels(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        if values.ndim == images.ndim:
            return paste(values)
        return weight * values + (1 - weight) * values[other]

    return paste(images), {head: mix_labels(values) for head, values in labels.items()}


def draw_rectangle(height: int, width: int, kept: float, rng: np.random.Generator) -> tuple[slice, slice]:
    """Return rows and columns of a rectangle of the area 1 − ``kept``, cut off at the border.

    Args:
        height: of the image, in pixels.
        width: of the image, in pixels.
        kept: λ, share of the image outside of the rectangle.
        rng: random generator.
    """

    def draw(side: int) -> slice:
        half = int(side * np.sqrt(1 - kept)) // 2
        centre = int(rng.integers(side))
        return slice(max(centre - half, 0), min(centre + half, side))

    columns = draw(width)
    return draw(height), columns
