"""Images that a final training holds out: to keep limits on classes, and to tune what is not promised."""

from collections.abc import Sequence
from dataclasses import dataclass

from metaopt.data import DataSet, Images
from metaopt.data.images import subset
from metaopt.data.split import CALIBRATION, CALIBRATION_SEED, CLASS_CALIBRATION, hold_out
from metaopt.errors import UserError
from metaopt.outputs import LabelOutput
from metaopt.quantities import plural
from metaopt.terminal.wrapping import print_wrapped
from metaopt.trials.class_counts import check_images
from metaopt.trials.class_thresholds import is_calibrated
from metaopt.trials.constraints import Constraint


@dataclass(frozen=True)
class HeldOut:
    """Held-out images by purpose.

    A limit on a class with a confidence is promised only if nothing else was chosen by the images that its threshold is
    tuned on, so other purposes get images of their own.

    Attributes:
        limits: images for the thresholds of classes that limits name; None without such limits.
        tuning: images for temperatures, the choice of an ensemble and the thresholds of labels; None if there are none.
    """

    limits: Images | None = None
    tuning: Images | None = None


def hold_out_images(
    constraints: Sequence[Constraint], data: DataSet, share: float | None, *, tunes: bool = False
) -> tuple[DataSet, HeldOut]:
    """Return the data set with a calibration split, if one is needed, and its images by purpose.

    Args:
        constraints: constraints on the final model.
        data: data set of the study.
        share: share of the training and validation images, or None for the default.
        tunes: whether a temperature is fitted, or an ensemble is chosen.

    Raises:
        UserError: A share is given without need or is 0, or the split has too few images for a limit.
    """
    limits = is_calibrated(constraints)
    has_labels = any(isinstance(output, LabelOutput) for output in data.outputs.values())
    if not (limits or tunes or has_labels):
        if share is not None:
            raise UserError(
                "--calibration has no effect without --temperature, --ensemble, labels or a constraint on a class."
            )
        return data, HeldOut()
    if share == 0:
        raise UserError("Invalid value for --calibration: 0. Expected a share above 0, e.g. 0.2.")
    if share is None:
        share = CLASS_CALIBRATION * limits + CALIBRATION * tunes or CALIBRATION
    data = data.with_calibration(share)
    images = data.calibration()
    if images is None:
        raise UserError("There are no images to calibrate the model on: give a larger --calibration.")
    held = _divide(data, images) if limits and tunes else HeldOut(images if limits else None, images)
    if held.limits is not None:
        _check_limits(constraints, data, held.limits)
    return data, held


def _divide(data: DataSet, images: Images) -> HeldOut:
    """Divide images between both purposes, stratified by the first head."""
    head, output = next(iter(data.outputs.items()))
    share = CALIBRATION / (CALIBRATION + CLASS_CALIBRATION)
    limits, tuning = hold_out(output.strata(images.labels[head]), share, CALIBRATION_SEED)
    if not len(tuning):
        raise UserError("There are too few images to calibrate the model on: give a larger --calibration.")
    return HeldOut(subset(images, limits), subset(images, tuning))


def _check_limits(constraints: Sequence[Constraint], data: DataSet, images: Images) -> None:
    """Check that limits can be kept on the images; a test split that cannot confirm them is noted.

    Raises:
        UserError: A class has too few images for its limit.
    """
    limits = [limit for limit in constraints if limit.class_metric is not None]
    check_images(limits, images.labels, data.outputs, "calibration", "Give a larger --calibration, or more images.")
    try:
        check_images(constraints, data.test().labels, data.outputs, "test")
    except UserError as error:
        print_wrapped(f"WARNING: {error}", flush=True)


def describe_held_out(data: DataSet) -> str:
    """Return the end of a sentence about the images of the final training."""
    images = data.calibration()
    return "" if images is None else f" without {plural(len(images), f'calibration {data.noun}')}"
