"""TensorBoard log of a retraining: its folder, and the test scores and hyperparameters in it."""

import itertools
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from metaopt.cli.retrain_plan import Plan
from metaopt.problems.training_config import Training
from metaopt.report.analysis.evaluation import ClassScore, Score
from metaopt.terminal.printable import printable
from metaopt.terminal.wrapping import print_wrapped
from metaopt.training.event_file import EventFile, can_log, flatten_point

LOGS = Path("logs")

SHOWN = ("optimizer", "learning_rate", "batch_size", "schedule")
"""Fields of ``Training`` that are shown as hyperparameters, beside the point."""


def new_log(folder: Path) -> Path | None:
    """Create the folder of a log below that of a study; None where there can be none, which is noted."""
    if reason := why_no_log(folder, can_log()):
        print_wrapped(f"note: No TensorBoard log is written: {reason}.")
        return None
    return _new_folder(folder / LOGS / datetime.now().strftime("retrain-%Y%m%d-%H%M%S"))


def why_no_log(folder: Path, is_installed: bool) -> str | None:
    """Return why TensorBoard logs cannot be written below a folder, or None if they can."""
    if not is_installed:
        return "it needs the package tensorboard"
    try:
        str(folder.resolve()).encode()
    except UnicodeEncodeError:
        return "TensorBoard cannot read a folder whose name is not UTF-8"
    return None


def _new_folder(wanted: Path) -> Path:
    """Create a folder of that name, with a number appended where it exists."""
    for number in itertools.count(1):
        folder = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise AssertionError


def write_test_log(
    folder: Path,
    plan: Plan,
    training: Training | None,
    scores: Mapping[str, Score],
    class_scores: Mapping[str, Sequence[ClassScore]],
) -> None:
    """Write what is known after the test: scores, also of each class, and the hyperparameters.

    Args:
        folder: folder of the TensorBoard log.
        plan: what was trained.
        training: its training settings; None for a model that the user's ``build_model`` compiled.
        scores: metric → score on the test images.
        class_scores: head → scores of each of its classes.
    """
    with EventFile(folder) as file:
        for head, classes in class_scores.items():
            file.text(f"test_classes/{head}", make_table(classes))
            for metric in ("precision", "recall", "f1"):
                values = {f"test_{head}_{metric}/{each.name}": getattr(each, metric) for each in classes}
                file.scalars({printable(tag): value for tag, value in values.items()})
        known = {} if training is None else {name: getattr(training, name) for name in SHOWN}
        run = {"epochs": plan.epochs, "members": plan.members, **known}
        point = {f"point/{name}": value for name, value in flatten_point(plan.point).items()}
        file.hyperparameters({**run, **point}, {name: score.value for name, score in scores.items()})


def make_table(classes: Sequence[ClassScore]) -> str:
    """Return a Markdown table with a line for each class."""
    lines = ["| class | test images | precision | recall | F1 |", "| --- | ---: | ---: | ---: | ---: |"]
    for each in classes:
        name = printable(each.name).replace("|", "\\|")
        lines.append(f"| {name} | {each.images} | {each.precision:.3f} | {each.recall:.3f} | {each.f1:.3f} |")
    return "\n".join(lines)
