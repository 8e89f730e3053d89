"""Final training for ``metaopt retrain``: one network, or several whose predictions are averaged."""

import itertools
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from metaopt.cli.retrain_plan import Plan
from metaopt.cli.study_inputs import some_images
from metaopt.data import DataSet
from metaopt.engine.jobs import NO_WEIGHTS
from metaopt.outputs import LabelOutput
from metaopt.problems.problem import Problem
from metaopt.report.console import calibration_lines
from metaopt.storage.study import Study
from metaopt.terminal.commands import module
from metaopt.training.event_file import can_log
from metaopt.training.model_file import ModelMetadata
from metaopt.trials.class_counts import keep_heads
from metaopt.trials.class_thresholds import is_calibrated
from metaopt.trials.constraints import Constraint
from metaopt.trials.growth import COUNTS

if TYPE_CHECKING:
    import keras

    from metaopt.training.retraining import RetrainedNetwork

LOGS = Path("logs")
_REPORT_INTERVAL_S = 10.0


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
                print(
                    f"note: {plan.members} networks have {together:,} {constraint.name} together, which violates"
                    f" {constraint}."
                )


def train(
    study: Study,
    plan: Plan,
    problem: Problem,
    data: DataSet,
    mirror: bool,
    constraints: Sequence[Constraint] = (),
    test: "Callable[[Path, str, list[RetrainedNetwork], ModelMetadata, keras.Model | None], object] | None" = None,
) -> "tuple[list[RetrainedNetwork], ModelMetadata, Path | None]":
    """Train the networks of a plan and export them as one model.

    Args:
        study: the study, whose folder gets a TensorBoard log of each training.
        plan: what is trained, and the file of the model.
        problem: the problem of the study.
        data: the data set of the study.
        mirror: whether the model averages the predictions for an image and its mirror image.
        constraints: constraints on the model; those on classes need the calibration split of ``data``.
        test: called with the complete file of the model before it gets its name, its SHA-256, the networks, the
            metadata, and the model itself if Keras will not load its file.

    Returns:
        The trained networks, the metadata of the exported model, and the folder of the TensorBoard log, if any.
    """
    from metaopt.training.calibration import calibrate
    from metaopt.training.export import export_model, save_model, tune_labels
    from metaopt.training.retraining import find_file_problem, retrain

    file_problem = find_file_problem(problem, plan.point, data)
    if file_problem is not None:
        print(warn_of_file(file_problem, "The trained model is tested in memory. "), flush=True)
    log = None
    if reason := why_no_log(study.folder, can_log()):
        print(f"note: No TensorBoard log is written: {reason}.")
    else:
        log = _new_folder(study.folder / LOGS / datetime.now().strftime("retrain-%Y%m%d-%H%M%S"))
    trained = []
    for number, seed in enumerate(plan.seeds, start=1):
        progress = _Progress(plan.epochs, "" if plan.members == 1 else f"network {number} of {plan.members} · ")
        network = retrain(
            problem,
            plan.point,
            data,
            epochs=plan.epochs,
            seed=seed,
            trial=plan.trial,
            recipe=plan.recipe,
            class_weights=study.settings.get("class_weights", NO_WEIGHTS),
            log=log if log is None or plan.members == 1 else log / f"network_{number}",
            report=progress.epoch,
            report_step=progress.step,
        )
        trained.append(network)
    if log is not None:
        print(f"TensorBoard log of the training: `{module('tensorboard.main', '--logdir', log.parent)}`.")
    origin = {
        "trial": None if plan.record is None else plan.trial,
        "point": plan.written.point,
        "epochs": plan.epochs,
        "seed": plan.seed,
        "images": len(data.for_retraining()),
        "data": data.name,
        "augment": data.augment,
        "recipe": dict(plan.recipe),
        "mirror": mirror,
        "members": plan.members,
    }
    outputs = {head: data.outputs[head] for head in trained[0].heads}
    metadata = ModelMetadata.for_data(outputs, data, origin)
    exported = export_model([each.network for each in trained], metadata, some_images(data), mirror=mirror)
    images = data.calibration()
    if images is not None and any(isinstance(output, LabelOutput) for output in outputs.values()):
        metadata = tune_labels(exported, metadata, images)
        print(f"note: The thresholds of labels are tuned on {len(images):,} {data.noun}s, not used for training.")
    if images is not None and is_calibrated(constraints):
        limits = keep_heads(constraints, data.outputs, outputs)
        metadata, calibration = calibrate(exported, metadata, images, limits)
        for line in calibration_lines(calibration):
            print(line)
    unloadable = None if file_problem is None else exported
    save_model(
        exported,
        metadata,
        plan.output,
        None if test is None else lambda file, digest: test(file, digest, trained, metadata, unloadable),
    )
    return trained, metadata, log


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


class _Progress:
    """Prints the first and the last epoch, and otherwise one line every ten seconds, within a long epoch too.

    Args:
        epochs: number of epochs.
        network: start of each line.
    """

    def __init__(self, epochs: int, network: str) -> None:
        self._epochs, self._network = epochs, network
        self._printed_at = self._began_at = monotonic()

    def epoch(self, epoch: int, loss: float, seconds: float) -> None:
        """Print an epoch that ended; see ``EpochReport``."""
        if epoch in (1, self._epochs) or self._is_due():
            self._print(f"epoch {epoch} of {self._epochs} · training loss {loss:.4f} · {seconds:.1f} s")
        self._began_at = monotonic()

    def step(self, epoch: int, share: float) -> None:
        """Print how far a long epoch is; see ``StepReport``."""
        if self._is_due() and monotonic() - self._began_at >= _REPORT_INTERVAL_S:
            self._print(f"epoch {epoch} of {self._epochs}, {share:.0%}".replace("%", " %"))

    def _is_due(self) -> bool:
        return monotonic() - self._printed_at >= _REPORT_INTERVAL_S

    def _print(self, text: str) -> None:
        self._printed_at = monotonic()
        print(f"{self._network}{text}", flush=True)
