"""Test scores and hyperparameters of a retraining in its TensorBoard log."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from metaopt.cli.retrain_plan import Plan
from metaopt.problems.training_config import Training
from metaopt.report.analysis.evaluation import ClassScore, Score
from metaopt.terminal.printable import printable
from metaopt.training.event_file import EventFile, flatten_point

SHOWN = ("optimizer", "learning_rate", "batch_size", "schedule")
"""Fields of ``Training`` that are shown as hyperparameters, beside the point."""


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
