"""Stages of a training, as far as they decide what its epochs cost."""

import math
from dataclasses import dataclass

from metaopt.backbones.layer import Backbone
from metaopt.blueprint import Blueprint
from metaopt.problems.training_config import Training


@dataclass(frozen=True)
class TrainingStages:
    """Stages of the training of a network with a pretrained backbone.

    Attributes:
        head_epochs: epochs of the first stage, in which the head alone is trained; infinite where no other follows.
        tuned_macs: multiply-accumulates, for one image, of the part that the second stage trains; 0 where none follows.
    """

    head_epochs: float = math.inf
    tuned_macs: int = 0


def find_stages(blueprint: Blueprint, training: Training) -> TrainingStages | None:
    """Return the stages of a training; None for one whose epochs all train the same.

    Args:
        blueprint: the network.
        training: its training configuration.
    """
    if training.fine_tuning is None:
        return None
    parts = [layer for layer in blueprint.layers if isinstance(layer, Backbone)]
    if not parts:
        return None
    if not any(part.is_tuned for part in parts):
        return TrainingStages()
    frozen_macs = sum(part.counts[2] for part in parts if not part.is_tuned)
    return TrainingStages(training.fine_tuning.head_epochs, blueprint.macs - frozen_macs)
