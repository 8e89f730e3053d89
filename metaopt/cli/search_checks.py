"""Checks of the search command before it opens a study."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from metaopt.backbones import UnsupportedSize, read_facts
from metaopt.cli.auto_space import TRANSFER
from metaopt.data import DataSet
from metaopt.engine.callbacks import Callback
from metaopt.engine.checkpoints import check_room, checkpoint_bytes
from metaopt.engine.jobs import NO_WEIGHTS
from metaopt.engine.settings import CYCLE_FACTOR, Settings
from metaopt.engine.setup import ImageKind, make_guard
from metaopt.errors import UserError, hint
from metaopt.executors.hardware import free_memory
from metaopt.outputs import ClassOutput
from metaopt.problems.memory_estimate import estimate_state
from metaopt.problems.problem import Problem
from metaopt.problems.training_config import CONSTANT, COOLDOWN, COSINE, COSINE_RUNG
from metaopt.quantities import plural, size_text
from metaopt.randomness import make_generator
from metaopt.spaces import compile_space
from metaopt.storage.state import StudyState
from metaopt.training.environment import describe_change
from metaopt.training.metrics import metric_names
from metaopt.training.trainer import takes_run
from metaopt.trials.class_counts import check_images, find_class
from metaopt.trials.class_thresholds import is_calibrated
from metaopt.trials.constraints import CHEAP, LATENCY, MODEL_BYTES, Constraint, parse_constraints
from metaopt.zoo import transfer

_POSITIVE = (LATENCY, MODEL_BYTES, "seconds")
LESS_MEMORY = 0.9  # share of a study's limit below which a resumed one has less; free memory always varies a little
IMBALANCE = 5  # ratio of the largest to the smallest class from which on plain accuracy is noted
DRAWS = 100  # points whose schedule or size is read, in some milliseconds


def warn_of_environment(state: StudyState, now: Mapping[str, Any], callback: Callback) -> None:
    """Note if a study is resumed by other software, or other threads, than its latest run."""
    change = describe_change(state.environment, now)
    if change and state.trials:
        paused = sum(trial.status in ("running", "paused") and trial.epochs > 0 for trial in state.trials)
        these = f", above all of the {plural(paused, 'trial')} that continue" if paused else ""
        callback.note(
            f"This run trains with {change}: results{these} are no longer bit for bit those of an uninterrupted"
            " search. The record of a trial says which epochs were trained by what."
        )


def warn_of_memory(settings: Settings, callback: Callback, share: float = 1.0) -> None:
    """Note if so many workers have less than a share of a study's memory constraint; its trials were judged by it."""
    free = free_memory(settings.workers, settings.trials_per_gpu)
    for limit in parse_constraints(settings.constraints):
        if limit.name == "memory" and share * limit.bound > free:
            callback.note(
                f"Each of {settings.workers} workers has {size_text(free)} of memory now, less than the study's"
                f" {limit.label}. To reject larger networks, give --constraint 'memory<={free // 1e8 / 10:g}GB'."
            )


def check_settings(settings: Settings, data: DataSet) -> None:
    """Check that the folds, the objective and the constraints can be measured on the data set.

    Raises:
        UserError: One cannot.
    """
    data.folds(settings.folds, settings.repeats)  # raises if a class has fewer images
    head, output = next(iter(data.outputs.items()))
    measured = metric_names(data.outputs)
    for objective in settings.objectives:
        if objective.name == "val_top3" and isinstance(output, ClassOutput) and len(output.names) < 4:
            count = len(output.names)
            raise UserError(
                f"--objective val_top3 needs four classes or more, but {head} has {count}: use val_accuracy."
            )
        if objective.is_measured and objective.name not in (*measured, "convergence"):
            others = [name for name in measured if name.startswith("val_") and name != "val_total_loss"]
            raise UserError(
                f"--objective {objective.text} is not measured: {head} of {data.name} has the kind {output.kind}."
                f" {hint(objective.name, others)}"
            )
    if settings.class_weights != NO_WEIGHTS and not data.class_names:
        raise UserError(f"--class-weights {settings.class_weights} needs classes, which {data.name} does not have.")
    limits = parse_constraints(settings.constraints)
    check_constraints(limits, data)
    validation = data.validation if settings.folds == 1 else data.everything()
    check_images(limits, validation.labels, data.outputs, "validation")


def check_constraints(limits: Sequence[Constraint], data: DataSet) -> None:
    """Check that the values and the classes of constraints exist, and that a network can meet each.

    Raises:
        UserError: One does not.
    """
    known = (*CHEAP, MODEL_BYTES, LATENCY, *metric_names(data.outputs), "seconds")
    for limit in limits:
        if limit.class_metric is not None:
            find_class(limit, data.outputs)
        elif limit.name not in known:
            raise UserError(f"Unknown metric in --constraint {limit}: {limit.name}. {hint(limit.name, known)}")
        elif limit.name in _POSITIVE and limit.upper and limit.bound <= 0:
            raise UserError(
                f"Invalid constraint: {limit}. {limit.name} is above 0 for every network: give a bound above 0."
            )


def note_few_images(settings: Settings, data: DataSet, callback: Callback) -> None:
    """Note if the images that a final training has for its thresholds or its test cannot confirm a constraint."""
    limits = parse_constraints(settings.constraints)
    for note in describe_few_images(limits, data.with_calibration() if is_calibrated(limits) else data):
        callback.note(f"In the final training: {note}")


def describe_few_images(limits: Sequence[Constraint], data: DataSet) -> list[str]:
    """Return a sentence for the calibration and for the test split if it has too few images for a constraint.

    Args:
        limits: constraints of the study.
        data: data set with the calibration split of the final training.
    """
    of_classes = [limit for limit in limits if limit.class_metric is not None]
    found = []
    for name, checked, images in (("calibration", of_classes, data.calibration()), ("test", limits, data.test())):
        try:
            if images is not None:
                check_images(checked, images.labels, data.outputs, name)
        except UserError as error:
            found.append(str(error))
    return found


def check_backbones(settings: Settings) -> None:
    """Check that each backbone that a space chooses from can be used; the first time, it is measured.

    Raises:
        UserError: One cannot.
    """
    for source in settings.backbones or (transfer.BACKBONES if settings.space == TRANSFER else ()):
        if not any(_takes(source, side) for side in transfer.IMAGE_SIZES):
            read_facts(source, (transfer.IMAGE_SIZES[-1],) * 2)  # tells why


def check_inheritance(settings: Settings) -> None:
    """Refuse weight transfer between networks that start from the weights of a backbone.

    Raises:
        UserError: It is given.
    """
    if settings.inherit and settings.space == TRANSFER:
        raise UserError(
            f"--inherit has no effect with --space {TRANSFER}, whose networks start from the weights of a backbone:"
            " leave it out."
        )


def _takes(source: str, side: int) -> bool:
    try:
        read_facts(source, (side, side))
    except UnsupportedSize:
        return False
    return True


def note_imbalance(settings: Settings, data: DataSet, callback: Callback) -> None:
    """Note if a study optimises plain accuracy although the largest class is far larger than the smallest."""
    head, output = next(iter(data.outputs.items()))
    if settings.objective != "val_accuracy" or not isinstance(output, ClassOutput):
        return
    counts = np.bincount(data.everything().labels[head], minlength=len(output.names))
    if counts.max() > IMBALANCE * counts.min():
        largest, smallest = output.names[int(counts.argmax())], output.names[int(counts.argmin())]
        callback.note(
            f"Class {largest} has {counts.max():,} images and {smallest} {counts.min():,}, but the objective is plain"
            " accuracy, to which rare classes hardly count. Consider --objective val_balanced_accuracy or val_f1, or"
            " --class-weights balanced."
        )


def with_checkpoint_quota(
    settings: Settings, problem: Problem, images: ImageKind, folder: Path, callback: Callback, *, is_given: bool
) -> Settings:
    """Return the settings with a quota that holds the checkpoint of the largest of many networks of the space.

    The disk has to have room for it. The default quota is raised until it holds two of them. The networks of
    ``build_model`` are compared in the worker, each before its first epoch.

    Args:
        settings: settings of the run.
        problem: the problem.
        images: input and output of its networks.
        folder: folder of the study.
        callback: is told that the quota is raised.
        is_given: whether the quota is the user's.

    Raises:
        QuotaTooSmall: The user's quota does not hold it.
        ResultsNotWritable: The disk does not.
    """
    if not problem.has_blueprint or (problem.build_and_train is not None and not takes_run(problem.build_and_train)):
        return settings
    state, weights = (settings.n_trainings * size for size in _largest_state(settings, problem, images))
    most = checkpoint_bytes(state, weights)
    if not is_given and most > settings.checkpoint_quota:
        settings = replace(settings, checkpoint_quota=2 * most)
        callback.note(
            f"Checkpoints take up to {size_text(2 * most)} of disk space: of {DRAWS} networks, the largest one of a"
            f" trial takes up to {size_text(most)}. To bound it, limit the networks, or give --checkpoint-quota."
        )
    check_room(folder, settings.checkpoint_quota, state, weights, f"Of {DRAWS} networks, the largest checkpoint")
    return settings


def _largest_state(settings: Settings, problem: Problem, images: ImageKind) -> tuple[int, int]:
    """Return the bytes of a training state, and of the weights, of the largest of many networks that may be trained."""
    space, guard = compile_space(problem.space), make_guard(problem, settings, images)
    points = (space.point(space.draw(make_generator(0, number, "checkpoint size"))) for number in range(DRAWS))
    largest = 0, 0
    for point in points:
        if guard.judge(point, set()).reason is None:
            network = problem.blueprint(point, images.input_shape, images.classes)
            assert network is not None
            largest = max(largest, estimate_state(network, problem.training(point)))
    return largest


def check_schedule(settings: Settings, problem: Problem, callback: Callback) -> None:
    """Check the learning-rate schedule; note where a pause changes the training.

    Raises:
        UserError: The schedule cannot be used.
    """
    if settings.schedule is not None:
        problem.require_blueprint("schedule", settings.schedule)
    if settings.scheduler == "full":
        return
    schedules = _own_schedules(problem) if settings.schedule is None else {settings.schedule}
    if settings.budget_unit == "seconds" and (in_epochs := sorted({COOLDOWN, COSINE_RUNG} & schedules)):
        own = f"The {in_epochs[0]} schedule of {problem.name}"
        which = own if settings.schedule is None else f"--schedule {in_epochs[0]}"
        raise UserError(
            f"{which} needs rungs in epochs: leave --budget-unit seconds out, or use --schedule cosine, whose cycles"
            " are then in seconds."
        )
    is_timed = (settings.first_cycle_s, settings.cycle_factor) != (None, CYCLE_FACTOR)
    if is_timed and COSINE not in schedules:
        flag = "--cycle-factor" if settings.first_cycle_s is None else "--first-cycle"
        raise UserError(f"{flag} has no effect on a constant learning rate: leave it out, or add --schedule cosine.")
    if COSINE_RUNG in schedules:
        callback.note(
            "With the schedule cosine-rung the learning rate falls to 0 at each rung, so a trial that is promoted is"
            " not trained like one that never paused. With cosine, which restarts at the rungs, it is."
        )


def check_own_training(settings: Settings, problem: Problem) -> None:
    """Refuse options that a problem's own training ignores because it does not take ``run``.

    Raises:
        UserError: One is given.
    """
    if problem.build_and_train is None or takes_run(problem.build_and_train):
        return
    counted = ("params", "macs") if not problem.has_blueprint else ()
    limits = [f"--constraint {one}" for one in parse_constraints(settings.constraints) if one.name in counted]
    given = {
        "--budget-unit seconds": settings.budget_unit == "seconds",
        f"--folds {settings.folds}": settings.folds > 1,
        "--inherit": settings.inherit,
        f"--schedule {settings.schedule}": settings.schedule is not None,
        **dict.fromkeys(limits, True),
        **{f"--objective {each.name}": True for each in settings.objectives if each.name in counted},
    }
    if flag := next((flag for flag, is_given in given.items() if is_given), None):
        raise UserError(
            f"{flag} needs a build_and_train that takes the keyword run and passes it on. That of {problem.name} does"
            " not."
        )


def _own_schedules(problem: Problem) -> set[str]:
    """Return the schedules of many points of the problem."""
    if not problem.has_blueprint:
        return {CONSTANT}
    space = compile_space(problem.space)
    points = (space.point(space.draw(make_generator(0, number, "schedule"))) for number in range(DRAWS))
    try:
        return {problem.training_of(point).schedule for point in points}
    except (ValueError, KeyError, TypeError):  # the search reports it
        return {CONSTANT}
