"""Images or signals that an exported model is checked on, and those by which it is quantised."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from metaopt import randomness
from metaopt.cli.predicted_inputs import find_images, kinds_of, read_input
from metaopt.cli.study_inputs import study_data
from metaopt.data import Images
from metaopt.data.image_file import ImageFileError
from metaopt.data.images import InputArray
from metaopt.errors import StudyMismatch, UserError
from metaopt.report.analysis.test_log import read_test_log
from metaopt.storage.study import JOURNAL, Study
from metaopt.terminal.commands import shown
from metaopt.training.model_file import ModelMetadata
from metaopt.trials.constraints import Constraint, parse_constraints

_CALIBRATION = 200
"""Number of training images by which the ranges of activations are found; more hardly change them."""


@dataclass(frozen=True, eq=False)
class CheckInputs:
    """Inputs of a check.

    Attributes:
        test: inputs on which both models predict, ``(n, …)``.
        calibration: inputs for quantising, ``(k, …)``.
        name: what the test inputs are called.
        targets: head → targets of the test inputs; None if they are unknown.
        constraints: constraints of the study, and those that its final test judged the model by.
    """

    test: InputArray
    calibration: InputArray
    name: str
    targets: Mapping[str, npt.NDArray[Any]] | None = None
    constraints: Sequence[Constraint] = ()


def find_inputs(
    model: Path, digest: str, metadata: ModelMetadata, images: Sequence[Path] | None, data: str | None
) -> CheckInputs:
    """Return the images that are given, or those of the study beside a model.

    Args:
        model: the model's file.
        digest: SHA-256 of the file.
        metadata: its metadata.
        images: files and folders, or None.
        data: place of the study's data set, or None for the one that it keeps.

    Raises:
        UserError: There are no images, one cannot be read, there is no study of the model, or both images and a data
            set are given.
    """
    has_study = (model.parent / JOURNAL).exists()
    tested = [entry for entry in read_test_log(model.parent) if entry.get("sha256") == digest]
    if images:
        if data is not None:
            raise UserError("--data has no effect with --images: leave it out.")
        study = Study.load(model.parent) if has_study and tested else None
        return replace(_read_given(images, metadata), constraints=_find_constraints(study, tested, metadata))
    if not has_study:
        raise UserError(
            f"There is no study beside {shown(model)}, so there are no images to check the exported model on. Name"
            " files or folders with --images."
        )
    study = Study.load(model.parent)
    found = study_data(study, note=lambda _: None, given=data)
    if found.input_shape != metadata.input_shape or set(metadata.outputs) - set(found.outputs):
        raise StudyMismatch(f"{shown(model)} is no model of the study beside it. Name images with --images.")
    test, training = found.test(), found.for_retraining()
    rows = randomness.make_generator(0, 0, "calibration").permutation(len(training))[:_CALIBRATION]
    targets = {head: test.labels[head] for head in metadata.outputs}
    constraints = _find_constraints(study, tested, metadata)
    return CheckInputs(_all(test), training.batch(np.sort(rows))[0], f"test {found.noun}s", targets, constraints)


def _find_constraints(
    study: Study | None, tested: Sequence[Mapping[str, Any]], metadata: ModelMetadata
) -> tuple[Constraint, ...]:
    """Return the constraints of the study of a model, of the latest entry of its test log, and of the model itself."""
    calibrated = metadata.training.get("calibration", {}).get("limits", [])
    further = [each["limit"] for entry in tested[-1:] for each in entry.get("limits", [])]
    searched = [] if study is None else [str(constraint) for constraint in study.constraints]
    texts = [*searched, *further, *(each["limit"] for each in calibrated)]
    return parse_constraints(list(dict.fromkeys(texts)))


def _all(images: Images) -> InputArray:
    return images.batch(range(len(images)))[0]


def _read_given(images: Sequence[Path], metadata: ModelMetadata) -> CheckInputs:
    paths, unread, _ = find_images(images, kinds_of(metadata))
    if unread:
        raise UserError(str(unread[0]))
    found = []
    for path in paths:
        try:
            found.append(read_input(path, metadata))
        except ImageFileError as error:
            raise UserError(f"File {path} cannot be read: {error}.") from error
    inputs = np.stack(found)
    return CheckInputs(inputs, inputs[:_CALIBRATION], "images")
