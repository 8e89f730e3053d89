"""Classes that constraints name, and the counts of images by which they are judged; see ``share_limits``."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from metaopt.errors import UserError, hint
from metaopt.outputs import ClassOutput, Output
from metaopt.trials.constraints import Constraint
from metaopt.trials.proportion_bounds import images_needed
from metaopt.trials.share_limits import (
    CLASS_TOTALS,
    HITS,
    IMAGES,
    MEAN_TOTALS,
    PREDICTED,
    is_overall_accuracy,
    judge_share,
)

Answers = npt.NDArray[np.int64]
"""Predicted class of each image, −1 where none is predicted."""


def find_class(constraint: Constraint, outputs: Mapping[str, Output]) -> tuple[str, int]:
    """Return head and number of the class of a constraint: ``[rose]``, or ``[kind:rose]`` with the head's name.

    Args:
        constraint: constraint on a class.
        outputs: head → output.

    Raises:
        UserError: No head has such a class, or several have one.
    """
    _, subject = constraint.class_metric or ("", "")
    heads = {head: output.names for head, output in outputs.items() if isinstance(output, ClassOutput)}
    if not heads:
        raise UserError(f"The constraint {constraint} needs a head with classes, which the data do not have.")
    found = [(head, names.index(subject)) for head, names in heads.items() if subject in names]
    if not found:
        qualified = {f"{head}:{name}": (head, k) for head, names in heads.items() for k, name in enumerate(names)}
        if subject in qualified:
            return qualified[subject]
        known = list(dict.fromkeys([*(name for names in heads.values() for name in names), *qualified]))
        shown = known if len(heads) > 1 else list(next(iter(heads.values())))
        raise UserError(f"Unknown class in the constraint {constraint}: {subject}. {hint(subject, shown)}")
    if len(found) > 1:
        choices = " or ".join(f"[{head}:{subject}]" for head, _ in found)
        raise UserError(f"The class of the constraint {constraint} occurs in several heads: write {choices}.")
    return found[0]


def keep_heads(
    constraints: Iterable[Constraint], outputs: Mapping[str, Output], heads: Collection[str]
) -> list[Constraint]:
    """Return the constraints without those on classes of other heads, which the model of a user may omit."""
    return [each for each in constraints if each.class_metric is None or find_class(each, outputs)[0] in heads]


def count_classes(
    constraints: Iterable[Constraint],
    predictions: Mapping[str, npt.NDArray[Any]],
    targets: Mapping[str, npt.NDArray[Any]],
    outputs: Mapping[str, Output] | None = None,
) -> dict[str, float]:
    """Return the counts of images that constraints are judged by; empty where none needs any.

    Args:
        constraints: constraints of the study; those on a head without predictions are left out.
        predictions: head → probabilities ``(n, classes)``, or other predictions; the first head first.
        targets: head → targets ``(n, …)``.
        outputs: head → output, None where every head has classes. For constraints on a class its thresholds decide
            which images count as predicted; other constraints are about the most probable class of every image.
    """
    counts: dict[str, float] = {}
    outputs = outputs or {head: ClassOutput.of(values.shape[1]) for head, values in predictions.items()}
    first = next(iter(predictions))
    for constraint in keep_heads(constraints, outputs, predictions):
        if not constraint.needs_counts:
            continue
        if constraint.class_metric is not None:
            head, number = find_class(constraint, outputs)
            answers = _answers(outputs[head], predictions[head])
            metric, subject = constraint.class_metric
            counts |= _count(CLASS_TOTALS[metric], f"[{subject}]", answers, targets[head], number)
        elif constraint.name in MEAN_TOTALS:
            answers = predictions[first].argmax(axis=1)
            for number in range(predictions[first].shape[1]):
                counts |= _count(MEAN_TOTALS[constraint.name], f"_{number}", answers, targets[first], number)
        elif is_overall_accuracy(constraint.name):
            counts[IMAGES] = len(targets[first])
    return counts


def _answers(output: Output, predictions: npt.NDArray[Any]) -> Answers:
    assert isinstance(output, ClassOutput)
    return output.answer(predictions)


def _count(total: str, suffix: str, answers: Answers, labels: npt.NDArray[Any], number: int) -> dict[str, float]:
    is_predicted, is_true = answers == number, labels == number
    return {
        f"{HITS}{suffix}": int((is_predicted & is_true).sum()),
        f"{total}{suffix}": int((is_predicted if total == PREDICTED else is_true).sum()),
    }


def check_images(
    constraints: Iterable[Constraint],
    targets: Mapping[str, npt.NDArray[Any]],
    outputs: Mapping[str, Output],
    split: str,
    advice: str = "",
) -> None:
    """Check that the classes of constraints exist, and that predictions of a split can meet those with confidence.

    Args:
        constraints: constraints of the study.
        targets: head → targets ``(n, …)`` of the split; the first head first.
        outputs: head → output.
        split: name of the split for the message, e.g. ``"validation"``.
        advice: sentence after the message.

    Raises:
        UserError: A class is unknown, or even without an error there are too few images; the message says how many
            the constraint needs.
    """
    for constraint in constraints:
        if constraint.class_metric is not None:
            find_class(constraint, outputs)
        if constraint.confidence is None:
            continue
        totals = _most_hits(constraint, targets, outputs)
        if judge_share([(total, total) for total in totals], constraint.confidence) >= constraint.bound:
            continue
        needed = images_needed(constraint.bound, 1 - (1 - constraint.confidence) / len(totals))
        kind = "images" if is_overall_accuracy(constraint.name) else "images of each class"
        kind = kind if constraint.class_metric is None else f"images of class {constraint.class_metric[1]}"
        raise UserError(
            f"The constraint {constraint} cannot be met by the {min(totals):,} {split} {kind}, even without an error:"
            f" it needs at least {needed:,}.{advice and ' '}{advice}"
        )


def _most_hits(
    constraint: Constraint, targets: Mapping[str, npt.NDArray[Any]], outputs: Mapping[str, Output]
) -> list[int]:
    """Return the number of images behind each share of a constraint if every prediction is right."""
    if constraint.class_metric is not None:
        head, number = find_class(constraint, outputs)
        return [int((targets[head] == number).sum())]
    labels, output = next((targets[head], output) for head, output in outputs.items())
    if constraint.name in MEAN_TOTALS and isinstance(output, ClassOutput):
        return np.bincount(labels, minlength=len(output.names)).tolist()
    return [len(labels)]
