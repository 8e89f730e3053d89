"""Targets of ``metaopt export`` that a model is written to: files of other frameworks, each checked on real images."""

import hashlib
import sys
from argparse import Namespace, _ArgumentGroup
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from metaopt.cli.arguments import number
from metaopt.cli.export_inputs import CheckInputs, find_inputs
from metaopt.cli.model_source import find_model
from metaopt.deployment.agreement import Agreement, QualityLoss, compare_predictions, measure_loss
from metaopt.deployment.formats import FORMATS, KERAS, Format, find_format
from metaopt.deployment.model_files import set_backend, size_of, written
from metaopt.errors import ConstraintViolated, UserError, invalid_value
from metaopt.quantities import size_text
from metaopt.report.analysis.evaluation import JudgedConstraint, evaluate, judge_constraints
from metaopt.report.console import constraint_line
from metaopt.terminal.commands import absolute, shown
from metaopt.terminal.printable import printable
from metaopt.terminal.suppressed_stderr import suppressed_stderr
from metaopt.terminal.wrapping import print_wrapped
from metaopt.training import backend
from metaopt.training.model_file import ModelMetadata, read_metadata
from metaopt.trials.class_counts import count_classes, keep_heads
from metaopt.trials.constraints import MODEL_BYTES

if TYPE_CHECKING:
    import keras

TARGETS: Mapping[str, str] = {
    "onnx": "a model for ONNX Runtime",
    "litert": "a model for LiteRT (TensorFlow Lite)",
    "savedmodel": "a model for TensorFlow Serving",
    "torch": "a model for PyTorch",
}
MAX_LOSS = 0.01
_ENDINGS = {"savedmodel": "_savedmodel"}

Predictions = dict[str, npt.NDArray[Any]]


def add_flags(group: _ArgumentGroup) -> None:
    """Add the flags of these targets."""
    int8 = "weights and activations of 8 bits, whose ranges are found on training images; for onnx and litert"
    group.add_argument("--int8", action="store_true", help=int8)
    loss = f"with --int8, the largest accepted loss of accuracy, or of what docs/export.md says; default {MAX_LOSS:g}"
    group.add_argument("--max-loss", type=number, metavar="LOSS", help=loss)
    images = "files or folders of images to check the model on (default: the test images of the study beside the model)"
    group.add_argument("--images", type=Path, nargs="+", metavar="IMAGES", help=images)
    data = "the data set of the study beside the model, where it is no longer in the place that the study keeps"
    group.add_argument("--data", metavar="DATA", help=data)


def run(arguments: Namespace) -> None:
    """Write a model for another framework, check it against the original, and print its path on stdout.

    Raises:
        UserError: The source is no model, the output exists, a package is missing, or the predictions differ.
        ConstraintViolated: Quantising costs more than is accepted, and nothing is written; or the written model
            violates a constraint.
    """
    kind = FORMATS[arguments.to]
    source = _find_source(arguments.results)
    if arguments.max_loss is not None and not arguments.int8:
        raise UserError("--max-loss has no effect without --int8.")
    if arguments.int8 and not kind.quantizes:
        able = " and ".join(each.name for each in FORMATS.values() if each.quantizes)
        raise invalid_value("int8", f"with {kind.name}", f"Quantised models are written for {able} only.")
    ending = "_int8" if arguments.int8 else _ENDINGS.get(kind.name, "")
    output = arguments.output or absolute(f"{source.stem}{ending}{kind.suffix}")
    if output.suffix != kind.suffix:
        expected = (
            f"It must end in {kind.suffix!r}." if kind.suffix else f"Expected a folder without {output.suffix!r}."
        )
        raise UserError(f"Invalid name for a model of {kind.name}: {shown(output)}. {expected}")
    if output.exists() or output.is_symlink():
        raise UserError(f"{shown(output)} exists already. Remove it, or choose another name with --output.")
    metadata = read_metadata(source)
    set_backend(output, kind)
    digest = _digest(source)
    inputs = find_inputs(source, digest, metadata, arguments.images, arguments.data)
    with suppressed_stderr():
        backend.prepare()
    from metaopt.training.export import load_model, predict

    model, _ = load_model(source)
    original = predict(model, metadata, inputs.test)
    calibration = inputs.calibration if arguments.int8 else None
    described = {"to": kind.name, "int8": bool(arguments.int8), "source": source.name, "sha256": digest}
    exported_metadata = replace(metadata, training={**metadata.training, "export": described})
    with written(model, exported_metadata, output, kind, calibration) as runner:
        exported = runner.predict(inputs.test)
        agreement = compare_predictions(metadata.outputs, original, exported)
        if arguments.int8:
            allowed = MAX_LOSS if arguments.max_loss is None else arguments.max_loss
            _check_loss(metadata, inputs, original, exported, agreement, allowed)
        else:
            _require_equal(kind, agreement)
    print(printable(shown(output)))
    _say(f"{kind.name}, {size_text(size_of(output))} (the original: {size_text(source.stat().st_size)}).")
    for line in _agreement_lines(agreement, inputs.name):
        _say(line)
    _check_constraints(output, metadata, model, inputs, exported)


def _say(text: str) -> None:
    print_wrapped(printable(text), file=sys.stderr)


def _find_source(given: Path) -> Path:
    """Return the model that is meant by a path: the file itself, or the best model of a study.

    Raises:
        UserError: It is a model of another format, or a study without a model.
    """
    source = find_model(given)
    if find_format(source).name != KERAS:
        raise UserError(f"{shown(source)} was exported already. Expected the .keras file that retrain wrote.")
    return source


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _require_equal(kind: Format, agreement: Mapping[str, Agreement]) -> None:
    """Check that the exported model predicts the same.

    Raises:
        UserError: It does not.
    """
    for head, each in agreement.items():
        if not each.is_exact:
            top = "" if each.same is None else f"; {each.same:,} of {each.images:,} have the same answer"
            raise UserError(
                f"The model of {kind.name} predicts something else for {head}: the largest difference is"
                f" {each.largest:.2g}{top}. Nothing was written."
            )


def _check_loss(
    metadata: ModelMetadata,
    inputs: CheckInputs,
    original: Predictions,
    exported: Predictions,
    agreement: Mapping[str, Agreement],
    allowed: float,
) -> None:
    """Check what quantising costs: quality on images with targets, else the share of images with another answer.

    Raises:
        ConstraintViolated: It is more than is allowed.
    """
    if inputs.targets is not None:
        losses = measure_loss(metadata.outputs, original, exported, inputs.targets)
    else:
        losses = {
            head: QualityLoss("agreement with the original", 1.0, each.same / each.images, 1 - each.same / each.images)
            if each.same is not None
            else QualityLoss("mean difference", 0.0, each.mean, each.mean)
            for head, each in agreement.items()
        }
    for head, each in losses.items():
        text = f"{each.metric} of {head}: {each.before:.4f} before, {each.after:.4f} in 8 bits"
        if not each.loss <= allowed:
            raise ConstraintViolated(
                f"Quantising costs too much: {text}, a loss of {each.loss:.4f}. Accepted: {allowed:g}. Nothing was"
                " written."
            )
        _say(f"{text} (accepted loss: {allowed:g}).")


def _agreement_lines(agreement: Mapping[str, Agreement], name: str) -> list[str]:
    lines = []
    for head, each in agreement.items():
        same = "" if each.same is None else f"the same answer for {each.same:,} of {each.images:,} {name}, "
        lines.append(f"{head}: {same}largest difference {each.largest:.2g}, mean {each.mean:.2g}.")
    return lines


def _check_constraints(
    output: Path, metadata: ModelMetadata, model: "keras.Model", inputs: CheckInputs, exported: Predictions
) -> None:
    """Judge the constraints of the study, and those of the model, by the exported model.

    Raises:
        ConstraintViolated: One is violated.
    """
    judged = judge_exported(output, metadata, model, inputs, exported)
    for each in judged:
        _say(f"constraint {constraint_line(each)}")
    broken = [constraint_line(each) for each in judged if each.is_violated]
    if broken:
        raise ConstraintViolated(f"{shown(output)} violates constraints: {'; '.join(broken)}.")


def judge_exported(
    output: Path, metadata: ModelMetadata, model: "keras.Model", inputs: CheckInputs, exported: Predictions
) -> list[JudgedConstraint]:
    """Return the constraints that can be judged by an exported model: counts, size, and scores on the test images."""
    from metaopt.blueprint.from_keras import count_keras

    constraints = inputs.constraints
    if not constraints:
        return []
    counts = count_keras(model)
    values: dict[str, float] = {"params": counts.params, MODEL_BYTES: size_of(output)}
    values |= {} if counts.unknown else {"macs": counts.macs}
    images: dict[str, float] = {}
    if inputs.targets is not None:
        scores = evaluate(exported, inputs.targets, metadata.outputs)
        values |= {name: score.value for name, score in scores.items()}
        kept = keep_heads(constraints, metadata.outputs, metadata.outputs)
        images = count_classes(kept, exported, {h: np.asarray(t) for h, t in inputs.targets.items()}, metadata.outputs)
    calibrated = metadata.training.get("calibration", {}).get("limits", [])
    never = [each["limit"] for each in calibrated if each["value"] is None]
    judged = judge_constraints(constraints, values, images, never)
    return [each for each in judged if each.value is not None or each.is_abstaining]
