"""Constraints of a study in its final training: the calibration split before it, and the verdict after it."""

from collections.abc import Sequence
from pathlib import Path

from metaopt.cli.search_checks import check_constraints
from metaopt.data import DataSet
from metaopt.data.split import CLASS_CALIBRATION
from metaopt.errors import ConstraintViolated, UserError
from metaopt.quantities import plural
from metaopt.report.analysis.evaluation import JudgedConstraint
from metaopt.report.console import constraint_line
from metaopt.storage.study import Study
from metaopt.terminal.commands import shown
from metaopt.training.model_file import ModelMetadata
from metaopt.trials.class_counts import check_images
from metaopt.trials.class_thresholds import is_calibrated
from metaopt.trials.constraints import Constraint, parse_constraints


def find_constraints(study: Study, further: Sequence[str], data: DataSet) -> tuple[Constraint, ...]:
    """Return the constraints of a study and those that are given for its final model; the tighter of two counts.

    Raises:
        UserError: One cannot be parsed, contradicts another, or has an unknown metric or class.
    """
    if not further:
        return study.constraints
    check_constraints(parse_constraints(further), data)
    return parse_constraints([*map(str, study.constraints), *further])


def with_calibration(constraints: Sequence[Constraint], data: DataSet, share: float | None) -> DataSet:
    """Return the data set with the calibration split that limits on classes need.

    Args:
        constraints: constraints on the final model.
        data: data set of the study.
        share: share of the training and validation images, or None for the default.

    Raises:
        UserError: A share is given without need or is 0, or the split has too few images for a limit.
    """
    if not is_calibrated(constraints):
        if share is not None:
            raise UserError("--calibration has no effect without a constraint on a class.")
        return data
    if share == 0:
        raise UserError("Invalid value for --calibration: 0. Expected a share above 0, e.g. 0.2.")
    data = data.with_calibration(CLASS_CALIBRATION if share is None else share)
    images = data.calibration()
    if images is None:
        raise UserError("There are no images to tune thresholds of classes on: give a larger --calibration.")
    limits = [limit for limit in constraints if limit.class_metric is not None]
    check_images(limits, images.labels, data.outputs, "calibration", "Give a larger --calibration, or more images.")
    try:
        check_images(constraints, data.test().labels, data.outputs, "test")
    except UserError as error:
        print(f"WARNING: {error}", flush=True)
    return data


def require_constraints(file: Path, judged: Sequence[JudgedConstraint], metadata: ModelMetadata) -> None:
    """Check that every constraint is met.

    Args:
        file: the model's file.
        judged: every constraint of the study on the exported model.
        metadata: metadata of the model, with its calibration.

    Raises:
        ConstraintViolated: One is not, on the calibration images or on the exported model.
    """
    on_test = [each for each in judged if each.is_violated]
    found = [constraint_line(each) for each in on_test]
    limits = metadata.training.get("calibration", {}).get("limits", [])
    found += [
        f"{each['limit']} is VIOLATED on the calibration images: {each['hits']:,} of {each['total']:,} images count as"
        f" {each['value']:.4g}"
        for each in limits
        if not each["kept"] and each["limit"] not in map(str, (one.constraint for one in on_test))
    ]
    if found:
        raise ConstraintViolated(f"{shown(file)} violates constraints: {'; '.join(found)}.")


def describe_held_out(data: DataSet) -> str:
    """Return the end of a sentence about the images of the final training."""
    images = data.calibration()
    return "" if images is None else f" without {plural(len(images), f'calibration {data.noun}')}"
