"""Augmentation policy: strengths of the random changes of training images, as values of a point."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from metaopt.errors import UserError, nearest

MOST_MAGNITUDE = 10.0
"""Magnitude at which every operation of RandAugment has its maximum (Cubuk et al. 2020, arXiv:1909.13719)."""


@dataclass(frozen=True)
class AugmentationPolicy:
    """Strengths of the random changes of training images; 0 disables each. See ``metaopt.data.augmentation``.

    Attributes:
        flip: probability of mirroring left and right, where the data allow it, see ``DataSet.augment``.
        shift: largest shift as a share of the image side, at most 0.5; shifts are whole pixels.
        rotate: largest angle in degrees, at most 180.
        zoom: largest relative change of the scale, at most 1: the scale is between 1 / (1 + zoom) and 1 + zoom.
        crop: random resized crop, at most 0.99: the crop has between 1 − crop and all of the image's area, and 0.92 is
            that of the Inception network (Szegedy et al. 2015, arXiv:1409.4842, section 6).
        brightness: largest relative change of all pixels, at most 1.
        contrast: largest relative change of the differences from the mean grey, at most 1.
        saturation: largest relative change of the differences from a pixel's own grey, at most 1; of three channels.
        randaugment_count: operations of RandAugment per image (N), an integer, at most 14.
        randaugment_magnitude: their magnitude (M), at most 10.
        cutout: side of the square that is cut out as a share of the shorter image side, at most 0.5 (DeVries & Taylor
            2017, arXiv:1708.04552).
        mixup: α of mixup (Zhang et al. 2018, arXiv:1710.09412).
        cutmix: α of CutMix (Yun et al. 2019, arXiv:1905.04899). With mixup as well, each batch has one of the two.

    Raises:
        UserError: a strength is out of range.
    """

    flip: float = 0.0
    shift: float = 0.0
    rotate: float = 0.0
    zoom: float = 0.0
    crop: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    randaugment_count: int = 0
    randaugment_magnitude: float = 0.0
    cutout: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0

    def __post_init__(self) -> None:
        for name, highest in _HIGHEST.items():
            value = getattr(self, name)
            if not 0 <= value <= highest or not math.isfinite(value):
                accepted = "a number >= 0" if math.isinf(highest) else f"a number in [0, {highest:g}]"
                raise UserError(f"Invalid value for {name} of the augmentation: {value}. Expected {accepted}.")

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> "AugmentationPolicy":
        """Return the policy of a mapping, field → strength; groups of fields may be nested.

        Args:
            values: e.g. ``{"flip": 0.5, "colour": {"brightness": 0.2}}``; strengths that are left out are 0.

        Raises:
            UserError: a name is unknown or occurs twice, or a strength is no number or out of range.
        """
        strengths: dict[str, Any] = {}
        _collect(values, strengths)
        return cls(**strengths)

    @property
    def strengths(self) -> dict[str, float]:
        """Field → strength, of those that are not 0."""
        return {each.name: getattr(self, each.name) for each in fields(self) if getattr(self, each.name)}

    @property
    def mixes_images(self) -> bool:
        """Whether images and labels of a batch are mixed, so that the labels of classes are probabilities."""
        return self.mixup > 0 or self.cutmix > 0

    def without_mixing(self) -> "AugmentationPolicy":
        """Return the policy without mixup and CutMix, whose images keep their labels."""
        return replace(self, mixup=0.0, cutmix=0.0)

    def scaled(self, factor: float) -> "AugmentationPolicy":
        """Return the policy with each strength, except the number of operations, multiplied within its range."""
        scaled: dict[str, Any] = {name: min(value * factor, _HIGHEST[name]) for name, value in self.strengths.items()}
        return replace(self, **{**scaled, "flip": self.flip, "randaugment_count": self.randaugment_count})


# Field → highest value; the lowest is 0.
_HIGHEST = {
    "flip": 1.0,
    "shift": 0.5,
    "rotate": 180.0,
    "zoom": 1.0,
    "crop": 0.99,
    "brightness": 1.0,
    "contrast": 1.0,
    "saturation": 1.0,
    "randaugment_count": 14,
    "randaugment_magnitude": MOST_MAGNITUDE,
    "cutout": 0.5,
    "mixup": math.inf,
    "cutmix": math.inf,
}


def _collect(values: Mapping[str, Any], strengths: dict[str, Any]) -> None:
    """Add the strengths of nested mappings."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            _collect(value, strengths)
            continue
        if name not in _HIGHEST:
            near = nearest(str(name), _HIGHEST)
            expected = f"Expected one of {', '.join(_HIGHEST)}." if near is None else f"Did you mean {near}?"
            raise UserError(f"Unknown strength of the augmentation: {name}. {expected}")
        if name in strengths:
            raise UserError(f"The strength {name} of the augmentation is given twice.")
        try:
            strengths[name] = round(value) if name == "randaugment_count" else float(value)
        except (TypeError, ValueError, OverflowError) as error:
            raise UserError(f"Invalid value for {name} of the augmentation: {value!r}. Expected a number.") from error
