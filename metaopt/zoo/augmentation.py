"""Augmentation as a part of any search space of images: strengths of flips, moves, colours, RandAugment and mixing.

A problem adds one line to its space and one to its ``training``::

    space = {…, "augmentation": augmentation.space()}

    def training(point):
        return Training(…, augmentation=augmentation.policy(point["augmentation"]))
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from hyperopt import hp

from metaopt.errors import UserError, hint
from metaopt.problems.augmentation_policy import AugmentationPolicy

__all__ = ["GROUPS", "policy", "space"]

GROUPS = ("flip", "frame", "colour", "randaugment", "cutout", "mixing")
"""Parts of the space, each under its own key."""


def space(prefix: str = "augmentation", groups: Collection[str] = GROUPS) -> dict[str, Any]:
    """Return the space of augmentation policies, to be nested in the space of a problem.

    Where a group is off, its strengths are 0 and the search does not draw them.

    Args:
        prefix: first part of the labels of its hyperparameters, which differ from all others of the space.
        groups: parts of the space. ``flip``: mirroring, where the data allow it. ``frame``: none, or shift, rotation
            and zoom, or a random resized crop. ``colour``: brightness, contrast and saturation. ``randaugment``: number
            and magnitude of its operations. ``cutout``. ``mixing``: none, mixup or CutMix.

    Raises:
        UserError: a group is unknown.
    """
    for name in groups:
        if name not in GROUPS:
            raise UserError(f"Unknown group of the augmentation: {name}. {hint(str(name), GROUPS)}")
    return {name: _MAKERS[name](prefix) for name in GROUPS if name in groups}


def policy(values: Mapping[str, Any]) -> AugmentationPolicy:
    """Return the policy of a point of ``space``, or of strengths that are given by name, see ``AugmentationPolicy``.

    Args:
        values: e.g. ``point["augmentation"]``, or ``{"flip": 0.5, "rotate": 15}``; strengths that are left out are 0.

    Raises:
        UserError: a name is unknown or occurs twice, or a strength is no number or out of range.
    """
    return AugmentationPolicy.from_values(values)


def _flip(prefix: str) -> Any:
    return hp.choice(f"{prefix}_flip", [0.5, 0.0])


def _frame(prefix: str) -> Any:
    # A crop moves and scales as well, so that it is an alternative to shift and zoom.
    moved = {
        "shift": hp.uniform(f"{prefix}_shift", 0.0, 0.25),
        "rotate": hp.uniform(f"{prefix}_rotate", 0.0, 30.0),
        "zoom": hp.uniform(f"{prefix}_zoom", 0.0, 0.3),
    }
    return hp.choice(f"{prefix}_frame", [moved, {"crop": hp.uniform(f"{prefix}_crop", 0.1, 0.92)}, {}])


def _colour(prefix: str) -> Any:
    names = ("brightness", "contrast", "saturation")
    return hp.choice(f"{prefix}_colour", [{name: hp.uniform(f"{prefix}_{name}", 0.0, 0.5) for name in names}, {}])


def _randaugment(prefix: str) -> Any:
    on = {
        "randaugment_count": hp.uniformint(f"{prefix}_randaugment_count", 0.501, 3.499),  # 1, 2 and 3 equally likely
        "randaugment_magnitude": hp.uniform(f"{prefix}_randaugment_magnitude", 1.0, 10.0),
    }
    return hp.choice(f"{prefix}_randaugment", [{}, on])


def _cutout(prefix: str) -> Any:
    return hp.choice(f"{prefix}_cutout", [0.0, hp.uniform(f"{prefix}_cutout_side", 0.1, 0.5)])


def _mixing(prefix: str) -> Any:
    mixed = {"mixup": hp.uniform(f"{prefix}_mixup", 0.05, 1.0)}
    cut = {"cutmix": hp.uniform(f"{prefix}_cutmix", 0.1, 1.0)}
    return hp.choice(f"{prefix}_mixing", [{}, mixed, cut])


_MAKERS: dict[str, Callable[[str], Any]] = {
    "flip": _flip,
    "frame": _frame,
    "colour": _colour,
    "randaugment": _randaugment,
    "cutout": _cutout,
    "mixing": _mixing,
}
