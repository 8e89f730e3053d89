"""Final trainings of ``metaopt retrain``, and their networks as one exported model."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from metaopt.cli.retrain_held_out import HeldOut
from metaopt.cli.retrain_plan import Plan
from metaopt.cli.retrain_progress import TrainingProgress
from metaopt.cli.study_inputs import some_images
from metaopt.data import DataSet
from metaopt.engine.jobs import NO_WEIGHTS
from metaopt.outputs import LabelOutput
from metaopt.problems.problem import Problem
from metaopt.report.console import calibration_lines, temperature_lines
from metaopt.storage.study import Study
from metaopt.terminal.wrapping import print_wrapped
from metaopt.training.model_file import ModelMetadata
from metaopt.trials.class_counts import keep_heads
from metaopt.trials.class_thresholds import is_calibrated
from metaopt.trials.constraints import Constraint
from metaopt.trials.growth import COUNTS

if TYPE_CHECKING:
    import keras

    from metaopt.training.retraining import RetrainedNetwork


@dataclass(frozen=True)
class FinalTraining:
    """Settings that all trainings of one command share.

    Attributes:
        study: the study.
        problem: its problem.
        data: its data set, with the calibration split.
        held: images of the calibration split, by purpose.
        constraints: constraints on the model; those on classes need held-out images.
        mirror: whether the model averages the predictions for an image and its mirror image.
        fits_temperature: whether the model's probabilities get a temperature.
    """

    study: Study
    problem: Problem
    data: DataSet
    held: HeldOut
    constraints: tuple[Constraint, ...] = ()
    mirror: bool = False
    fits_temperature: bool = False


def warn_of_size(plan: Plan, problem: Problem, constraints: Sequence[Constraint], data: DataSet) -> None:
    """Note before training if several networks together violate a constraint that one of them meets."""
    if plan.members == 1:
        return
    try:
        blueprint = problem.blueprint(plan.point, data.input_shape, data.classes)
    except (ValueError, KeyError, TypeError):  # a point of another space, which the training will report
        return
    if blueprint is None:
        return
    for constraint in constraints:
        if constraint.name in COUNTS:
            together = plan.members * getattr(blueprint, constraint.name)
            if constraint.distance(together) > 0 >= constraint.distance(together / plan.members):
                print_wrapped(
                    f"note: {plan.members} networks have {together:,} {constraint.name} together, which violates"
                    f" {constraint}."
                )


def train(final: FinalTraining, plan: Plan, log: Path | None = None, prefix: str = "") -> "list[RetrainedNetwork]":
    """Train the networks of a plan.

    Args:
        final: what is trained on.
        plan: what is trained.
        log: folder for TensorBoard files, or None.
        prefix: start of each line of progress.
    """
    from metaopt.training.retraining import retrain

    trained = []
    for number, seed in enumerate(plan.seeds, start=1):
        network = "" if plan.members == 1 else f"network {number} of {plan.members} · "
        progress = TrainingProgress(plan.epochs, f"{prefix}{network}")
        trained.append(
            retrain(
                final.problem,
                plan.point,
                final.data,
                epochs=plan.epochs,
                seed=seed,
                trial=plan.trial,
                recipe=plan.recipe,
                class_weights=final.study.settings.get("class_weights", NO_WEIGHTS),
                log=log if log is None or plan.members == 1 else log / f"network_{number}",
                report=progress.epoch,
                report_step=progress.step,
            )
        )
    return trained


def describe_origin(final: FinalTraining, plan: Plan) -> dict[str, object]:
    """Return the origin of a model, for its metadata."""
    return {
        "trial": None if plan.record is None else plan.trial,
        "point": plan.written.point,
        "epochs": plan.epochs,
        "seed": plan.seed,
        "images": len(final.data.for_retraining()),
        "data": final.data.name,
        "augment": final.data.augment,
        "recipe": dict(plan.recipe),
        "mirror": final.mirror,
        "members": plan.members,
    }


def build_model(
    final: FinalTraining,
    trained: "Sequence[RetrainedNetwork]",
    origin: dict[str, object],
    weights: Sequence[int] | None = None,
    *,
    is_quiet: bool = False,
) -> "tuple[keras.Model, ModelMetadata]":
    """Return networks as one exported model that is calibrated on the held-out images, and its metadata.

    Args:
        final: what the networks were trained on.
        trained: the networks.
        origin: origin of the model.
        weights: how often each network counts in the average; None for once each.
        is_quiet: whether the calibration is not printed.
    """
    from metaopt.training.calibration import calibrate, fit_model_temperatures
    from metaopt.training.export import export_model, tune_labels

    data, held = final.data, final.held
    outputs = {head: data.outputs[head] for head in trained[0].heads}
    metadata = ModelMetadata.for_data(outputs, data, dict(origin))
    networks, sample = [each.network for each in trained], some_images(data)
    model = export_model(networks, metadata, sample, mirror=final.mirror, weights=weights)
    lines = []
    if final.fits_temperature and held.tuning is not None:
        metadata, scaling = fit_model_temperatures(model, metadata, held.tuning)
        temperatures = {head: each.temperature for head, each in scaling.items()}
        model = export_model(
            networks, metadata, sample, mirror=final.mirror, weights=weights, temperatures=temperatures
        )
        lines += temperature_lines(scaling, len(held.tuning))
    if held.tuning is not None and any(isinstance(output, LabelOutput) for output in outputs.values()):
        metadata = tune_labels(model, metadata, held.tuning)
        lines.append(
            f"note: The thresholds of labels are tuned on {len(held.tuning):,} {data.noun}s, not used for training."
        )
    if held.limits is not None and is_calibrated(final.constraints):
        limits = keep_heads(final.constraints, data.outputs, outputs)
        metadata, calibration = calibrate(model, metadata, held.limits, limits)
        lines += calibration_lines(calibration)
    for line in [] if is_quiet else lines:
        print(line)
    return model, metadata


def warn_of_file(problem: str, consequence: str = "") -> str:
    """Return the warning that Keras will not load a model's file.

    Args:
        problem: why, see ``find_file_problem``.
        consequence: sentence on what is done about it.
    """
    return (
        f"WARNING: Keras will not load the file of this model again: {problem}. {consequence}For a file that can be"
        " loaded, replace a Lambda layer by built-in layers or keras.ops, or register a layer class with"
        " keras.saving.register_keras_serializable."
    )
