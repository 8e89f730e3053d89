"""Test of an exported model: the only use of the test images, and its entry in the test log."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from metaopt.cli.retrain_networks import FinalTraining
from metaopt.cli.retrain_plan import Plan
from metaopt.problems.memory_estimate import estimate_memory
from metaopt.report.analysis.evaluation import (
    ClassScore,
    JudgedConstraint,
    Score,
    evaluate,
    judge_constraints,
    score_classes,
)
from metaopt.report.analysis.head_predictions import HeadPredictions, LabelPredictions, collect_heads
from metaopt.report.analysis.head_scores import score_labels
from metaopt.report.analysis.predictions import digest_test_set, summarise_predictions, write_predictions
from metaopt.report.analysis.reliability import Reliability, measure_reliability
from metaopt.report.analysis.seeds import spread_of_seeds
from metaopt.report.analysis.test_log import append_to_test_log, locked_test_log, read_test_log
from metaopt.terminal.commands import shown
from metaopt.terminal.wrapping import print_wrapped
from metaopt.training import backend
from metaopt.training.model_file import ModelMetadata
from metaopt.trials.class_counts import count_classes, keep_heads
from metaopt.trials.class_thresholds import count_answers
from metaopt.trials.constraints import LATENCY, MODEL_BYTES

if TYPE_CHECKING:
    import keras

    from metaopt.training.retraining import RetrainedNetwork


@dataclass(frozen=True)
class Measured:
    """Measurements of the exported model.

    Attributes:
        sha256: of the model's file.
        size_bytes: size of the model's file.
        scores: metric → score on the test images.
        class_scores: head → scores of each of its classes or labels.
        params: number of parameters of the model in the file.
        macs: multiply-accumulates for one image.
        constraints: every constraint on the model, judged.
        predictions: head → predictions for the test images, ``(n, …)``.
        heads: what is kept of the predictions of each head, for figures.
        reliability: head → reliability of its probabilities.
        answered: head with thresholds of classes → number of test images of which a class is predicted.
    """

    sha256: str
    size_bytes: int
    scores: dict[str, Score]
    class_scores: dict[str, list[ClassScore]]
    params: int
    macs: int
    constraints: list[JudgedConstraint]
    predictions: dict[str, npt.NDArray[Any]]
    heads: list[HeadPredictions]
    reliability: dict[str, Reliability] = field(default_factory=dict)
    answered: dict[str, int] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, float]:
        """Metric → test score."""
        return {name: score.value for name, score in self.scores.items()}


def measure(
    final: FinalTraining,
    file: Path,
    digest: str,
    trained: "Sequence[RetrainedNetwork]",
    metadata: ModelMetadata,
    model: "keras.Model | None",
) -> Measured:
    """Load the exported model from its file, unless it is given, and test it.

    Args:
        final: what its networks were trained on.
        file: its complete file.
        digest: SHA-256 of the file.
        trained: its networks.
        metadata: its metadata.
        model: the model itself, if Keras will not load its file.
    """
    from metaopt.blueprint.from_keras import count_keras
    from metaopt.training.export import load_model, predict_split
    from metaopt.training.latency import describe_disturbance, measure_latency

    if model is None:
        model, _ = load_model(file)
    counts = count_keras(model)
    test, constraints = final.data.test(), final.constraints
    predictions = predict_split(model, metadata, test)
    scores = evaluate(predictions, test.labels, metadata.outputs)
    heads = collect_heads(metadata.outputs, predictions, test)
    values: dict[str, float] = {
        "params": counts.params,
        MODEL_BYTES: file.stat().st_size,
        **({} if counts.unknown else {"macs": counts.macs}),
        "memory": max(estimate_memory(each.counts, each.training) for each in trained),
        "seconds": sum(each.seconds for each in trained),
        **{name: fmean(each.final[name] for each in trained) for name in trained[0].final},
        **{name: score.value for name, score in scores.items()},
    }
    if len(metadata.outputs) == 1:
        weight = float(trained[0].training.loss_weights.get(next(iter(metadata.outputs)), 1.0))
        values["test_total_loss"] = weight * values["test_loss"] + fmean(each.penalties for each in trained)
    if any(limit.name == LATENCY for limit in constraints):
        latency = measure_latency(model, metadata.input_shape, is_raw=True)
        values[LATENCY] = latency["median_ms"]
        if describe_disturbance(latency) is not None:
            low, high = latency["low_ms"], latency["high_ms"]
            print_wrapped(
                f"note: The latency varies from {low:.3g} to {high:.3g} ms, as other processes use the machine."
            )
    kept = keep_heads(constraints, final.data.outputs, metadata.outputs)
    images = count_classes(kept, predictions, test.labels, metadata.outputs)
    calibrated = metadata.training.get("calibration", {}).get("limits", [])
    never = [each["limit"] for each in calibrated if each["value"] is None]
    return Measured(
        digest,
        file.stat().st_size,
        scores,
        _score_each_class(metadata, predictions, test.labels, heads),
        counts.params,
        counts.macs,
        judge_constraints(constraints, values, images, never),
        predictions,
        heads,
        measure_reliability(metadata.outputs, predictions, test.labels),
        count_answers(metadata.outputs, predictions),
    )


def _score_each_class(
    metadata: ModelMetadata, predictions: Any, targets: Any, heads: Sequence[HeadPredictions]
) -> dict[str, list[ClassScore]]:
    """Return head → scores of each class or label, for the heads that have them."""
    found = {head: score_classes(predictions[head], targets[head], names) for head, names in metadata.classes.items()}
    for each in heads:
        if isinstance(each, LabelPredictions):
            found[each.head] = [
                ClassScore(
                    *(one.name, one.images, one.precision.value if one.precision.total else 0.0),
                    *(one.recall.value if one.images else 0.0, one.f1, one.precision.total),
                )
                for one in score_labels(each)
            ]
    return found


def measure_in_memory(final: FinalTraining, model: "keras.Model", metadata: ModelMetadata) -> dict[str, float]:
    """Return metric → test score of a further training of the same point, whose model is not written."""
    from metaopt.training.export import predict_split

    test = final.data.test()
    scores = evaluate(predict_split(model, metadata, test), test.labels, metadata.outputs)
    return {name: score.value for name, score in scores.items()}


def append_measurement(
    final: FinalTraining,
    plan: Plan,
    trained: "Sequence[RetrainedNetwork]",
    metadata: ModelMetadata,
    measured: Measured,
    seeds: Sequence[tuple[int, dict[str, float]]] = (),
) -> Path:
    """Append the measurement to the study's test log, and write the predictions beside it.

    Args:
        final: what the networks were trained on.
        plan: the model.
        trained: its networks.
        metadata: its metadata.
        measured: its test.
        seeds: seed and test scores of each training of the point, that of the model first; empty for a single one.
    """
    folder, test = final.study.folder, final.data.test()
    head = next(iter(measured.predictions))
    predictions = summarise_predictions(
        metadata.outputs[head], measured.predictions[head], test.labels[head], digest_test_set(test)
    )
    with locked_test_log(folder):
        number = len(read_test_log(folder)) + 1
        return append_to_test_log(
            folder,
            {
                "at": datetime.now().astimezone().isoformat(timespec="seconds"),
                "model": shown(plan.output),
                "sha256": measured.sha256,
                **metadata.training,
                "test_images": len(test),
                "scores": {name: asdict(score) for name, score in measured.scores.items()},
                **({"answered": measured.answered} if measured.answered else {}),
                "reliability": {head: each.to_json() for head, each in measured.reliability.items()},
                **_describe_seeds(seeds),
                "limits": [judged.to_json() for judged in measured.constraints],
                "feasible": not any(judged.is_violated for judged in measured.constraints),
                "predictions": write_predictions(folder, number, predictions, measured.heads),
                "params": measured.params,
                "macs": measured.macs,
                "seconds": round(sum(each.seconds for each in trained), 3),
                **backend.describe(),
            },
        )


def _describe_seeds(seeds: Sequence[tuple[int, dict[str, float]]]) -> dict[str, Any]:
    if not seeds:
        return {}
    spread = spread_of_seeds([scores for _, scores in seeds])
    return {
        "seeds": [{"seed": seed, "scores": scores} for seed, scores in seeds],
        "over_seeds": {name: {"mean": each.mean, "deviation": each.deviation} for name, each in spread.items()},
    }
