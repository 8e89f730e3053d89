"""Augmentation of one batch: its images, then the network's inputs and labels."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from metaopt.data.augment import Augmentation, augment, augment_together, cutout
from metaopt.data.augmentation.mixing import mix
from metaopt.data.augmentation.policy import ImageTargets, vary
from metaopt.outputs import ImageOutput, Output
from metaopt.problems.training_config import Training

Inputs = npt.NDArray[np.float32]
_COUNTS = np.float32(1 - 1e-6)  # mixed mask from which on both pixels count


@dataclass(frozen=True)
class BatchAugmentation:
    """Augmentation of the training batches of a trial.

    Attributes:
        augmentation: augmentation of the data set. Where the training has a policy, it decides only whether images are
            mirrored.
        training: training settings with cutout, mixup and the policy.
        outputs: head → output, whose image targets move with the images.
    """

    augmentation: Augmentation
    training: Training
    outputs: Mapping[str, Output]

    def vary(
        self, pixels: npt.NDArray[np.uint8], targets: Mapping[str, Any], rng: np.random.Generator
    ) -> tuple[npt.NDArray[np.uint8], dict[str, Any]]:
        """Return a random variant of each image, and targets whose pixels are moved with it.

        Args:
            pixels: images ``(n, h, w, c)``.
            targets: head → targets ``(n, …)``.
            rng: random generator.
        """
        images = {head: each for head, each in self.outputs.items() if isinstance(each, ImageOutput)}
        policy = self.training.augmentation
        if policy is not None:
            moving = [ImageTargets(targets[head], output.has_mask) for head, output in images.items()]
            pixels, moved = vary(pixels, moving, policy, rng, may_mirror="flip" in self.augmentation)
        elif images:
            pixels, moved = augment_together(pixels, [targets[head] for head in images], self.augmentation, rng)
        else:
            return augment(pixels, self.augmentation, rng), dict(targets)
        return pixels, {**targets, **dict(zip(images, moved, strict=True))}

    def cover(self, inputs: Inputs, rng: np.random.Generator) -> Inputs:
        """Apply cutout to the inputs of the network, ``(n, h, w, c)`` or signals ``(n, length, c)``."""
        length, policy = self.training.cutout, self.training.augmentation
        if policy is not None and policy.cutout:
            length = max(1, round(policy.cutout * min(inputs.shape[1:-1])))
        return cutout(inputs, length, rng)

    def mix(self, inputs: Inputs, labels: Mapping[str, Any], rng: np.random.Generator) -> tuple[Inputs, dict[str, Any]]:
        """Apply mixup or CutMix to the inputs of the network and its labels, e.g. probabilities.

        A pixel of mixed image targets counts where it counts in both.
        """
        policy = self.training.augmentation
        mixup = self.training.mixup or (policy.mixup if policy is not None else 0.0)
        inputs, mixed = mix(inputs, labels, mixup, policy.cutmix if policy is not None else 0.0, rng)
        for head, output in self.outputs.items():
            if isinstance(output, ImageOutput) and output.has_mask and self.training.mixes_images:
                mask = mixed[head][..., -1:]
                mixed[head] = np.concatenate([mixed[head][..., :-1], (mask >= _COUNTS).astype(mask.dtype)], axis=-1)
        return inputs, mixed
