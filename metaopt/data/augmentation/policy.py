"""Random variants of images by a policy: geometry in one interpolation, then colours."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from metaopt.data.augmentation.colour import Pixels, jitter
from metaopt.data.augmentation.geometry import draw_moves
from metaopt.data.augmentation.randaugment import draw_randaugment
from metaopt.problems.augmentation_policy import AugmentationPolicy


class ImageTargets(NamedTuple):
    """Image targets, which move with their images.

    Attributes:
        pixels: ``(n, h, w, c)``.
        has_mask: whether the last channel is a mask.
    """

    pixels: Pixels
    has_mask: bool


def vary(
    images: Pixels,
    targets: Sequence[ImageTargets],
    policy: AugmentationPolicy,
    rng: np.random.Generator,
    *,
    may_mirror: bool,
) -> tuple[Pixels, list[Pixels]]:
    """Return one random variant of each image, and the image targets that are moved with it.

    Args:
        images: ``(n, h, w, c)``; not modified.
        targets: their image targets; their colours are kept.
        policy: strengths; cutout, mixup and CutMix are not applied.
        rng: random generator; the same state gives the same variants.
        may_mirror: whether images may be mirrored.
    """
    n, height, width, _ = images.shape
    drawn = draw_randaugment(n, policy.randaugment_count, policy.randaugment_magnitude, rng)
    moves = draw_moves(policy, n, (height, width), rng, may_mirror=may_mirror)
    moves = replace(moves, maps=moves.maps @ drawn.find_maps((height, width)))
    varied = drawn.apply_colours(jitter(moves.apply(images), policy, rng))
    return varied, [moves.apply_to_targets(each.pixels, has_mask=each.has_mask) for each in targets]
