"""Predicted classes of one image, as a line, as JSON and as a row of a table."""

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from metaopt.cli.predicted_heads import ImagePrediction, LabelPrediction, NumberPrediction, Prediction
from metaopt.outputs import ClassOutput, ImageOutput, NumberOutput
from metaopt.outputs.class_metrics import Probabilities
from metaopt.outputs.class_output import NO_CLASS
from metaopt.terminal.printable import printable
from metaopt.training.model_file import ModelMetadata

TOP = 3
NO_ANSWER = "no answer"
"""Text for an image of which a model with thresholds predicts no class."""

Named = dict[str, list[tuple[str, float]]]
"""Head → its most probable classes with their probabilities, the most probable first."""


def most_probable(metadata: ModelMetadata, probabilities: dict[str, Probabilities], row: int) -> Named:
    """Return the most probable classes of each head for one image."""
    named: Named = {}
    for head, names in metadata.classes.items():
        values = probabilities[head][row]
        order = np.argsort(-values, kind="stable")[:TOP]
        named[head] = [(names[index], float(values[index])) for index in order]
    return named


def find_abstained(metadata: ModelMetadata, probabilities: Mapping[str, Probabilities], row: int) -> set[str]:
    """Return the heads that predict no class for one image, as its probability is not above their thresholds."""
    return {
        head
        for head, output in metadata.outputs.items()
        if isinstance(output, ClassOutput) and output.answer(probabilities[head][row : row + 1])[0] == NO_CLASS
    }


def as_line(
    path: Path,
    named: Named,
    width: int,
    others: Mapping[str, Prediction] | None = None,
    abstained: Collection[str] = (),
) -> str:
    """Return the line of one image: its class and the next probable ones, and what other heads predict."""
    heads = []
    others = others or {}
    for head, ranked in named.items():
        if head in abstained:
            text, less = NO_ANSWER, ranked
        else:
            (name, probability), *less = ranked
            text = f"{printable(name)} {probability:.3f}"
        if less:
            text += f"  ({', '.join(f'{printable(other)} {value:.3f}' for other, value in less)})"
        heads.append(text if len(named) + len(others) == 1 else f"{printable(head)}: {text}")
    for head, prediction in others.items():
        text = prediction.as_text()
        heads.append(text if len(named) + len(others) == 1 else f"{printable(head)}: {text}")
    return f"{printable(path):<{width}}  {'  '.join(heads)}"


def describe(
    path: Path, named: Named, others: Mapping[str, Prediction] | None = None, abstained: Collection[str] = ()
) -> dict[str, Any]:
    """Describe one image for JSON: class and probability of the first head, and what every head predicts.

    Returns:
        ``path``; with classes, ``class``, ``probability`` and ``top`` (head → its most probable classes); ``outputs``,
        head → prediction of the heads without classes, if there are any; and ``abstained``, the heads with classes
        that predict none, if there are any. ``class`` is None if the first head abstains.
    """
    more: dict[str, Any] = {"outputs": {head: each.to_json() for head, each in others.items()}} if others else {}
    more |= {"abstained": sorted(abstained)} if abstained else {}
    if not named:
        return {"path": str(path), **more}
    first, ((name, probability), *_) = next(iter(named.items()))
    answer = None if first in abstained else name
    heads = {
        head: [{"class": other, "probability": round(value, 6)} for other, value in ranked]
        for head, ranked in named.items()
    }
    return {"path": str(path), "class": answer, "probability": round(probability, 6), "top": heads, **more}


def table_header(metadata: ModelMetadata) -> list[str]:
    """Return the names of the columns of ``table_row``.

    These are ``path``; for each head its own name, and ``head:name`` for each of its classes, labels or several
    numbers.
    """
    columns = ["path"]
    for head, output in metadata.outputs.items():
        columns.append(head)
        if isinstance(output, ImageOutput) or (isinstance(output, NumberOutput) and len(output.names) == 1):
            continue
        columns += [f"{head}:{name}" for name in getattr(output, "names", ())]
    return columns


def table_row(
    metadata: ModelMetadata,
    predicted: Mapping[str, Probabilities],
    row: int,
    path: Path,
    others: Mapping[str, Prediction],
    abstained: Collection[str],
) -> list[Any]:
    """Return what every head predicts for one image, with all probabilities.

    The column of a head holds its class (empty if it abstains), its labels joined by ``;``, its number, or the file of
    its image.
    """
    cells: list[Any] = [str(path)]
    for head, output in metadata.outputs.items():
        match others.get(head):
            case LabelPrediction() as labels:
                cells += [";".join(labels.labels), *(round(value, 6) for value in labels.probabilities.values())]
            case NumberPrediction(numbers):
                cells += numbers.values() if len(numbers) == 1 else ["", *numbers.values()]
            case ImagePrediction(file):
                cells.append(str(file))
            case None:
                assert isinstance(output, ClassOutput)
                values = predicted[head][row]
                best = "" if head in abstained else output.names[int(values.argmax())]
                cells += [best, *(round(float(value), 6) for value in values)]
    return cells


def as_csv(cells: Sequence[Any]) -> str:
    """Return a line of CSV; control characters are shown as escapes."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([printable(cell) for cell in cells])
    return text.getvalue()
