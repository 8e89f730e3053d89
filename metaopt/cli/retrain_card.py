"""Folder of a model's card: the card itself in Markdown, its figures, and its tables as CSV."""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from metaopt.cli.retrain_measurement import Measured
from metaopt.cli.retrain_networks import FinalTraining
from metaopt.cli.retrain_plan import Plan
from metaopt.cli.retrain_result import describe_inputs
from metaopt.data import DataSet
from metaopt.files.atomic_files import write_bytes
from metaopt.outputs import ClassOutput, ImageOutput, LabelOutput, NumberOutput, Output
from metaopt.report.analysis.confusion import find_confusions
from metaopt.report.analysis.head_predictions import ClassPredictions
from metaopt.report.analysis.head_scores import count_confusion
from metaopt.report.analysis.seeds import SeedSpread
from metaopt.report.analysis.study_data import StudyData
from metaopt.report.analysis.wrong_images import find_wrong_images
from metaopt.report.model_card import CardFacts, make_card
from metaopt.terminal.printable import file_name, printable, shell_word
from metaopt.training import backend
from metaopt.training.model_file import ModelMetadata

CARD = "README.md"
"""Name of the card in its folder, which GitHub and Hugging Face show with the folder."""
_SUFFIX = "_card"


def card_folder(model: Path) -> Path:
    """Return the folder of a model's card: ``best.keras`` → ``best_card``."""
    return model.with_name(f"{model.stem}{_SUFFIX}")


def write_card(
    final: FinalTraining,
    plan: Plan,
    metadata: ModelMetadata,
    measured: Measured,
    log: Sequence[Mapping[str, Any]],
    over_seeds: Mapping[str, SeedSpread],
) -> Path:
    """Write the card of a model, its figures and its tables, and return the card's file.

    Args:
        final: what the networks were trained on.
        plan: the model.
        metadata: its metadata.
        measured: its test.
        log: tests of the study before this one.
        over_seeds: metric → spread over the seeds; empty for one seed.

    Raises:
        ResultsNotWritable: A file cannot be written.
    """
    folder = card_folder(plan.output)
    data = final.data
    caption = f"{StudyData.of(final.study).caption} · model {plan.output.name}"
    figures = _draw(folder, metadata, measured, data, caption)
    if measured.class_scores:
        write_bytes(folder / "classes.csv", _describe_classes(measured))
    about = backend.describe()
    training = data.for_retraining()
    calibration = data.calibration()
    facts = CardFacts(
        title=plan.output.name,
        written=datetime.now().astimezone().isoformat(timespec="seconds"),
        sha256=measured.sha256,
        size_bytes=measured.size_bytes,
        params=measured.params,
        macs=measured.macs,
        takes=describe_inputs(data),
        heads={head: _describe_output(output) for head, output in metadata.outputs.items()},
        training=metadata.training,
        data=data.name,
        images={
            "training": len(training),
            **({} if calibration is None else {"calibration": len(calibration)}),
            "test": len(data.test()),
        },
        classes=metadata.classes,
        scores=measured.scores,
        over_seeds=over_seeds,
        class_scores=measured.class_scores,
        confusions={
            each.head: find_confusions(count_confusion(each), each.output.names)
            for each in measured.heads
            if isinstance(each, ClassPredictions)
        },
        reliability=measured.reliability,
        constraints=measured.constraints,
        tests_before=len(log),
        versions=about["versions"],
        device=f"{about['device']}, backend {about['backend']}, precision {about['precision']}",
        figures=figures,
        predict=f"python3 -m metaopt predict {shell_word(plan.output.name)} IMAGES",
    )
    write_bytes(folder / CARD, make_card(facts).encode())
    return folder / CARD


def _describe_output(output: Output) -> str:
    """Return what a head returns."""
    match output:
        case ClassOutput():
            return f"probabilities of {len(output.names):,} classes"
        case LabelOutput():
            return f"a probability of each of {len(output.names):,} labels"
        case NumberOutput():
            return f"{', '.join(output.names)} in the units of the data"
        case ImageOutput():
            height, width, channels = output.size
            return f"an image of {height}×{width}×{channels} with pixels in 0..255"
    raise TypeError(output.kind)


def _draw(folder: Path, metadata: ModelMetadata, measured: Measured, data: DataSet, caption: str) -> dict[str, str]:
    """Draw the figures of each head; return title → file name."""
    from metaopt.report.plots import draw_predictions
    from metaopt.report.plots.reliability import reliability_figure
    from metaopt.report.plots.wrong_images import wrong_images_figure

    test = data.test()
    drawn = [path.name for path in draw_predictions(measured.heads, folder, caption) if path.suffix == ".png"]
    figures = {f"Predictions of {each.head}": name for each, name in zip(measured.heads, drawn, strict=True)}
    if measured.reliability:
        figures["Reliability of the probabilities"] = "reliability.png"
        reliability_figure(measured.reliability, folder / "reliability.png", caption)
    for head, output in metadata.outputs.items():
        predicted, true = measured.predictions[head], test.labels[head]
        wrong = find_wrong_images(output, predicted, true)
        rows = np.array([one.row for one in wrong], np.int64)
        inputs = test.batch(rows)[0]
        pairs = (true[rows][..., : output.channels], predicted[rows]) if isinstance(output, ImageOutput) else ()
        name = f"most_wrong_{file_name(head)}.png"
        figures[f"Most wrong {data.noun}s, by {head}"] = name
        wrong_images_figure(wrong, inputs, folder / name, caption, *pairs)
    return figures


def _describe_classes(measured: Measured) -> bytes:
    """Return the scores of each class or label as CSV."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("head", "class", "images", "predicted", "precision", "recall", "f1"))
    for head, scores in measured.class_scores.items():
        for each in scores:
            numbers = (each.images, each.predicted, each.precision, each.recall, each.f1)
            table.writerow((printable(head), printable(each.name), *numbers))
    return text.getvalue().encode()
