"""Training configuration: optimizer, learning-rate schedule and regularisation."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from metaopt.errors import UserError, hint
from metaopt.problems.augmentation_policy import AugmentationPolicy
from metaopt.values.safe_text import safe_repr

CONSTANT, COOLDOWN, COSINE, COSINE_RUNG = "constant", "cooldown", "cosine", "cosine-rung"
SCHEDULES = (CONSTANT, COOLDOWN, COSINE, COSINE_RUNG)


@dataclass(frozen=True)
class FineTuning:
    """Training in two stages of a network with a pretrained backbone: first the head alone, then the tuned part, too.

    Attributes:
        head_epochs: epochs of the first stage, 0 or more; a network without a tuned part has no other.
        learning_rate: initial learning rate of the second stage.
        views: augmented copies of each training image whose features are kept, 1 or more; epochs take turns. With one,
            the image itself is used. A network that is tuned whole has other copies in every epoch.

    Raises:
        UserError: a number is out of range.
    """

    head_epochs: int
    learning_rate: float
    views: int = 1

    def __post_init__(self) -> None:
        for name, least in (("head_epochs", 0), ("learning_rate", 0), ("views", 1)):
            value = getattr(self, name)
            if not least <= value < math.inf:
                raise UserError(f"Invalid value for {name}: {value}. Expected a number >= {least}.")


@dataclass(frozen=True)
class Training:
    """Training configuration of a network. Together with the blueprint it determines a trial.

    Attributes:
        optimizer: name of a Keras optimizer, e.g. ``"Adam"``.
        learning_rate: initial learning rate of the optimizer.
        batch_size: images per step; limited to the size of the training set.
        loss_weights: head → weight of its loss; 1 for heads that are not listed.
        schedule: learning-rate schedule. ``"constant"``; ``"cosine"``, which anneals the learning rate to 0 in each
            cycle, see ``metaopt.training.schedule``; ``"cooldown"``, which does so in the last fifth of each cycle; or
            ``"cosine-rung"``, which has one cycle up to the rung at which the trial pauses, so a trial that pauses is
            trained differently from one that does not.
        weight_decay: decoupled weight decay: each step subtracts this fraction, times the learning rate, from all
            weights except biases and normalisation weights (Loshchilov & Hutter 2019, arXiv:1711.05101). None for the
            default of the optimizer, which is none except for AdamW and its variants.
        label_smoothing: fraction of a label that is distributed over all classes (Szegedy et al. 2016,
            arXiv:1512.00567, section 7), in training only.
        mixup: α of the Beta distribution of the mixing weight of two images (Zhang et al. 2018, arXiv:1710.09412); 0
            for no mixup.
        cutout: side length in pixels of the square that is cut out of each training image, at most half the image
            (DeVries & Taylor 2017, arXiv:1708.04552); 0 for no cutout.
        warmup: epochs in which the learning rate rises linearly, at the beginning of a schedule; ``constant`` has none.
        fine_tuning: two stages for a network with a pretrained backbone; None for one.
        options: further arguments of the optimizer, e.g. ``{"momentum": 0.9}``.
        extra: further values of the point that the problem's own ``build_and_train`` reads. Two points that differ in
            them are not duplicates.
        augmentation: strengths of the random changes of training images, e.g. by ``metaopt.zoo.augmentation.policy``,
            in the place of the augmentation of the data set, which then decides only whether images are mirrored; None
            for that of the data set alone.

    Raises:
        UserError: the schedule is unknown, a number is out of range, or mixup or cutout is set here and in
            ``augmentation``.
    """

    optimizer: str = "Adam"
    learning_rate: float = 0.001
    batch_size: int = 32
    loss_weights: Mapping[str, float] = field(default_factory=dict)
    schedule: str = CONSTANT
    weight_decay: float | None = None
    label_smoothing: float = 0.0
    mixup: float = 0.0
    cutout: int = 0
    warmup: float = 0.0
    fine_tuning: FineTuning | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    augmentation: AugmentationPolicy | None = None

    def __post_init__(self) -> None:
        if self.schedule not in SCHEDULES:
            raise UserError(f"Invalid value for schedule: {self.schedule}. {hint(str(self.schedule), SCHEDULES)}")
        for name, below in _UPPER_BOUNDS.items():
            value = getattr(self, name)
            if value is not None and not 0 <= value < below:
                accepted = "a number >= 0" if math.isinf(below) else f"a number in [0, {below:g})"
                raise UserError(f"Invalid value for {name}: {value}. Expected {accepted}.")
        policy = self.augmentation
        if policy is None:
            return
        if not isinstance(policy, AugmentationPolicy):
            raise UserError(
                f"Invalid value for augmentation: {safe_repr(policy)}. Expected an AugmentationPolicy, e.g."
                ' metaopt.zoo.augmentation.policy(point["augmentation"]).'
            )
        for name in _IN_BOTH:
            if getattr(self, name) and getattr(policy, name):
                raise UserError(
                    f"Invalid value for {name}: {getattr(self, name)}. The augmentation has {name} too:"
                    f" {getattr(policy, name)}. Leave one of them out."
                )

    @classmethod
    def from_point(cls, point: Any) -> "Training":
        """Read the fields from the keys of a point; missing keys have defaults.

        ``fine_tuning``, ``options`` and ``extra`` are not read; ``augmentation`` is where it is an
        ``AugmentationPolicy``.
        """
        known: dict[str, Any] = {}
        if isinstance(point, Mapping):
            for key, convert in _CONVERSIONS.items():
                if key in point:
                    known[key] = convert(point[key])
            if isinstance(point.get("augmentation"), AugmentationPolicy):
                known["augmentation"] = point["augmentation"]
        return cls(**known)

    @property
    def mixes_images(self) -> bool:
        """Whether images and labels of a batch are mixed, so that the labels of classes are probabilities."""
        return self.mixup > 0 or (self.augmentation is not None and self.augmentation.mixes_images)

    @property
    def has_soft_labels(self) -> bool:
        """Whether networks are trained on probabilities of classes, not on class indices."""
        return self.mixes_images or self.label_smoothing > 0

    def to_plain(self) -> dict[str, Any]:
        """Return the fields as plain values, by which trainings are compared; without later fields that are not used.

        The signatures of trials of earlier versions, which had no such fields, therefore stay the same.
        """
        plain = dict(vars(self))
        policy, fine_tuning, warmup = (plain.pop(name) for name in ("augmentation", "fine_tuning", "warmup"))
        if policy is not None:
            plain["augmentation"] = policy.strengths
        if fine_tuning is not None:
            plain["fine_tuning"] = vars(fine_tuning)
        return {**plain, "warmup": warmup} if warmup else plain


def with_recipe(training: Training, recipe: Mapping[str, Any]) -> Training:
    """Return the configuration with other values of some fields, which also replace those of its augmentation.

    Args:
        training: the configuration.
        recipe: field → value, e.g. ``{"mixup": 0.2}``.
    """
    policy = training.augmentation
    if policy is not None:
        policy = replace(policy, **dict.fromkeys([name for name in _IN_BOTH if name in recipe], 0))
    return replace(training, **{"augmentation": policy, **recipe})


def with_schedule(training: Training, schedule: str | None) -> Training:
    """Return the configuration with another schedule; None keeps its schedule."""
    return training if schedule is None else replace(training, schedule=schedule)


# Field → conversion of the value in a point.
_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "optimizer": str,
    "learning_rate": float,
    "batch_size": lambda value: max(1, round(value)),
    "loss_weights": dict,
    "schedule": str,
    "weight_decay": float,
    "label_smoothing": float,
    "mixup": float,
    "cutout": round,
    "warmup": float,
}


# Field → exclusive upper bound of its values; the lower bound is 0.
_UPPER_BOUNDS = {
    "weight_decay": math.inf,
    "label_smoothing": 1.0,
    "mixup": math.inf,
    "cutout": math.inf,
    "warmup": math.inf,
}

_IN_BOTH = ("mixup", "cutout")  # fields that an augmentation policy has as well
