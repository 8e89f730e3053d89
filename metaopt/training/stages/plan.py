"""Plan of the stages of a training: what is trained in which epochs, and on features of what."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from metaopt.blueprint import Blueprint
from metaopt.problems.training_config import Training
from metaopt.training.stages.split import Split, split_frozen


@dataclass(frozen=True)
class Stage:
    """Epochs in which the same part of a network is trained.

    Attributes:
        start: number of epochs before it.
        end: number of epochs after it.
        training: its training configuration, without stages.
        split: frozen and trained part of the network; None where the whole network is trained on images.
        views: augmented copies of each training image whose features are used in turn.
    """

    start: int
    end: int
    training: Training
    split: Split | None = None
    views: int = 1


def make_stages(blueprint: Blueprint | None, training: Training, epochs: int) -> list[Stage]:
    """Return the stages of a training.

    Args:
        blueprint: the network; None if only Keras can describe it.
        training: its training configuration.
        epochs: number of epochs after the training, of which later stages may be none.

    Returns:
        At least one stage; the first begins with epoch 0, the last ends with ``epochs``.
    """
    plain = replace(training, fine_tuning=None)
    settings = training.fine_tuning
    if settings is None or blueprint is None:
        return [Stage(0, epochs, plain)]
    head = split_frozen(blueprint, lambda _: True)
    if head is None:
        return [Stage(0, epochs, plain)]
    first = Stage(0, epochs, _for_features(plain), head, settings.views)
    if not any(getattr(layer, "is_tuned", False) for layer in blueprint.layers):
        return [first]
    tuned = replace(plain, learning_rate=settings.learning_rate)
    rest = split_frozen(blueprint, lambda layer: not layer.is_tuned)
    tuned = tuned if rest is None else _for_features(tuned)
    end = min(settings.head_epochs, epochs)
    stages = [replace(first, end=end)] if end else []
    return [*stages, Stage(end, epochs, tuned, rest, settings.views)] if epochs > end else stages


def _for_features(training: Training) -> Training:
    """Return the configuration without cutout and CutMix: a square that is cut out of features would mean nothing."""
    policy = training.augmentation
    return replace(training, cutout=0, augmentation=policy and replace(policy, cutout=0.0, cutmix=0.0))


def find_stage(stages: Sequence[Stage], epochs: int) -> int:
    """Return the number of the stage to which the state after so many epochs belongs."""
    return next((number for number, stage in enumerate(stages) if epochs <= stage.end), len(stages) - 1)
