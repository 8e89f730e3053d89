"""Training configuration of a network: optimizer, learning-rate schedule and regularisation."""

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from metaopt.errors import UserError

CONSTANT, COSINE, COSINE_RUNG = "constant", "cosine", "cosine-rung"


SCHEDULES = (CONSTANT, COSINE, COSINE_RUNG)


@dataclass(frozen=True)
class Training:
    """How a network is trained; with the blueprint it decides everything that a trial does.

    Attributes:
        optimizer: the name of a Keras optimizer, e.g. ``"Adam"``.
        learning_rate: its learning rate.
        batch_size: images per step; cut to the size of the training set.
        loss_weights: head → weight of its loss; 1 for a head that is not named.
        schedule: ``"constant"``; or ``"cosine"``: within each cycle the learning rate falls as a cosine to 0, see
            ``metaopt.training.schedule``; or ``"cosine-rung"``: the same in one cycle up to the rung that the trial is
            trained to, and so anew at each rung: a trial that pauses is then trained otherwise than one that does not.
        weight_decay: decoupled: each step takes this share, times the learning rate, off every weight but biases and
            those of normalisations (Loshchilov & Hutter 2019, arXiv:1711.05101). None for the optimizer's own, which is
            none at all but for AdamW and its kin.
        label_smoothing: share of a label that is spread evenly over all classes (Szegedy et al. 2016,
            arXiv:1512.00567, section 7), in training only.
        mixup: α of the Beta distribution from which the shares of two mixed images are drawn (Zhang et al. 2018,
            arXiv:1710.09412); 0 for none.
        cutout: side of the square that is cut out of each training image, in pixels, at most half the image's
            (DeVries & Taylor 2017, arXiv:1708.04552); 0 for none.
        options: further arguments of the optimizer, e.g. ``{"momentum": 0.9}``.
        extra: whatever else a problem's own ``build_and_train`` reads of the point, so that two points that differ in
            it are not taken for the same training.

    Raises:
        UserError: the schedule is unknown, or a number is out of its range.
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
    options: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.schedule not in SCHEDULES:
            near = difflib.get_close_matches(str(self.schedule), SCHEDULES, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(SCHEDULES)}."
            raise UserError(f"The schedule {self.schedule} is unknown: {hint}")
        for name, below in _RANGES.items():
            value = getattr(self, name)
            if value is not None and not 0 <= value < below:
                limits = "at least 0" if math.isinf(below) else f"at least 0 and below {below:g}"
                raise UserError(f"{name} is {value}, but must be {limits}.")

    @classmethod
    def from_point(cls, point: Any) -> "Training":
        """Reads the keys called as the fields above (but ``options`` and ``extra``), where the point has them."""
        known: dict[str, Any] = {}
        if isinstance(point, Mapping):
            for key, convert in _CONVERSIONS.items():
                if key in point:
                    known[key] = convert(point[key])
        return cls(**known)


def with_schedule(training: Training, schedule: str | None) -> Training:
    """The same training with another schedule; None keeps its own."""
    return training if schedule is None else replace(training, schedule=schedule)


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
}


# Field → all its values are from 0 to below this.
_RANGES = {"weight_decay": math.inf, "label_smoothing": 1.0, "mixup": math.inf, "cutout": math.inf}
