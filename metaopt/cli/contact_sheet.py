"""Contact sheets of the training images: of the best trial, or of several points of a space."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from metaopt.cli.errors import with_flags
from metaopt.cli.study_inputs import FIGURES, study_data, study_problem, trained_point
from metaopt.data import DataSet
from metaopt.errors import UserError
from metaopt.problems.problem import Problem, fitting
from metaopt.report.analysis import StudyData
from metaopt.report.analysis.augmented_images import VARIANTS, augment_images, describe_augmentation
from metaopt.report.plots.contact_sheet import contact_sheet_figure
from metaopt.storage.study import Study
from metaopt.terminal.printable import printable
from metaopt.terminal.wrapping import print_wrapped

CONTACT_SHEET = "contact_sheet.png"


def draw_best(study: Study, data: StudyData) -> list[Path]:
    """Draw the training images of a study as its best trial saw them; without them, say why in one sentence on stderr.

    Args:
        study: the study.
        data: its data.

    Returns:
        The path of the picture, if there is one.

    Raises:
        ResultsNotWritable: An image cannot be written.
    """
    best = data.best
    if best is None or data.is_of_function:
        return []
    try:
        problem = study_problem(study)
        images = study_data(study, note=lambda _: None)
        training = fitting(problem, lambda: problem.training_of(trained_point(problem, best.vals)))
    except UserError as error:
        # The other sentences of the error advise on commands that train.
        reason = re.split(r"(?<=[.:]) (?=[A-Z])", with_flags(error), maxsplit=1)[0].rstrip(".:")
        print_wrapped(f"note: No contact sheet was drawn: {printable(reason)}.", file=sys.stderr)
        return []
    if images.noun != "image":
        return []
    path = study.folder / FIGURES / CONTACT_SHEET
    detail = f"Augmentation of trial {best.trial}: {describe_augmentation(images, training)}."
    contact_sheet_figure(augment_images(images, [training] * VARIANTS), path, detail, data.caption)
    return [path]


def draw_points(problem: Problem, data: DataSet, points: Sequence[Any], folder: Path) -> Path | None:
    """Draw training images as the networks of several points would see them.

    Args:
        problem: the problem.
        data: its data.
        points: points of its space; each variant of an image is that of another one.
        folder: folder of the study.

    Returns:
        The path of the picture; None for signals and volumes, and without points.

    Raises:
        ResultsNotWritable: An image cannot be written.
    """
    if data.noun != "image" or not points:
        return None
    chosen = [points[number % len(points)] for number in range(VARIANTS)]
    trainings = fitting(problem, lambda: [problem.training_of(point) for point in chosen])
    path = folder / FIGURES / CONTACT_SHEET
    texts = [describe_augmentation(data, training) for training in trainings]
    detail, columns = f"Augmentation: {texts[0]}.", []
    if len(set(texts)) > 1:
        detail = f"The space draws the augmentation; each column is another point, the first has {texts[0]}."
        columns = [f"point {number + 1}" for number in range(VARIANTS)]
    contact_sheet_figure(augment_images(data, trainings), path, detail, data.name, columns)
    return path
