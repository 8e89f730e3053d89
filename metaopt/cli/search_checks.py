"""What a search refuses before it begins, beyond what any study refuses, and what it says then."""

from metaopt.data import DataSet
from metaopt.engine.callbacks import Callback
from metaopt.engine.settings import Settings
from metaopt.errors import UserError
from metaopt.executors.hardware import free_memory
from metaopt.problems.problem import Problem
from metaopt.problems.training_config import CONSTANT, COSINE_RUNG
from metaopt.randomness import make_generator
from metaopt.spaces import compile_space
from metaopt.training.metrics import METRICS
from metaopt.training.trainer import takes_run
from metaopt.trials.constraints import CHEAP, parse_constraints

DRAWS = 100  # points that are asked for their schedule, a few milliseconds together


def warn_of_memory(settings: Settings, callback: Callback) -> None:
    """Says where a study's limit on memory is more than so many workers can have; other trials were judged by it."""
    free = free_memory(settings.workers)
    for limit in parse_constraints(settings.constraints):
        if limit.name == "memory" and limit.bound > free:
            callback.note(
                f"each of {settings.workers} workers can have {free:.1e} bytes of memory now, less than the study's"
                f" {limit}: to refuse what needs more, give --constraint 'memory<={free:.1e}'."
            )


def check_settings(settings: Settings, data: DataSet) -> None:
    """Refuses what cannot be measured on this data set, or what the strategy does not give."""
    if settings.budget_unit == "seconds" and settings.scheduler == "full":
        raise UserError(
            "--budget-unit seconds is for strategies with rungs, such as hyperband: limit others with --time."
        )
    if settings.inherit and settings.sampler != "evolution":
        raise UserError(
            f"--inherit needs trials that have a parent, and {settings.sampler} proposes none:"
            " use --strategy evolution, or --no-inherit."
        )
    data.folds(settings.folds)  # refuses more than a class has images
    head, classes = next(iter(data.classes.items()))
    if settings.objective == "val_top3" and classes < 4:
        raise UserError(
            f"--objective val_top3 says nothing with {classes} classes ({head}): use val_accuracy, or val_precision."
        )
    known = (*CHEAP, *METRICS, "seconds")
    for limit in parse_constraints(settings.constraints):
        if limit.name not in known:
            raise UserError(
                f"--constraint {limit}: {limit.name} is no metric of a record; known are {', '.join(known)}."
            )


def check_schedule(settings: Settings, problem: Problem, callback: Callback) -> None:
    """Refuses a schedule that cannot be kept, and says where it makes a pause no mere pause."""
    if settings.schedule is not None:
        problem.require_blueprint("schedule", settings.schedule)
    if settings.scheduler == "full":
        return
    schedules = _own_schedules(problem) if settings.schedule is None else {settings.schedule}
    bent = sorted(schedules - {CONSTANT})
    if settings.budget_unit == "seconds" and bent:
        kind = f"the {bent[0]} schedule of {problem.name}" if settings.schedule is None else f"--schedule {bent[0]}"
        raise UserError(
            f"{kind} ends its cycles at rungs in epochs: leave --budget-unit seconds out, or take --schedule constant."
        )
    if COSINE_RUNG in schedules:
        callback.note(
            "with the schedule cosine-rung the learning rate falls to 0 at each rung as if it were the last, so a trial"
            " that goes on is not trained as one that never paused (with cosine, which restarts at the rungs, it is)."
        )


def check_own_training(settings: Settings, problem: Problem) -> None:
    """Refuses what a problem's own training cannot heed that is told no more than epochs and checkpoint."""
    if problem.build_and_train is None or takes_run(problem.build_and_train):
        return
    counted = ("params", "macs") if not problem.has_blueprint else ()
    limits = [f"--constraint {one}" for one in parse_constraints(settings.constraints) if one.name in counted]
    asked = {
        "--budget-unit seconds": settings.budget_unit == "seconds",
        f"--folds {settings.folds}": settings.folds > 1,
        "--inherit": settings.inherit,
        f"--schedule {settings.schedule}": settings.schedule is not None,
        **dict.fromkeys(limits, True),
    }
    if flag := next((flag for flag, given in asked.items() if given), None):
        raise UserError(
            f"{flag} needs a build_and_train that takes the keyword run and passes it on, and that of {problem.name}"
            " does not."
        )


def _own_schedules(problem: Problem) -> set[str]:
    """Those of many points of the problem, which may leave the schedule to the search."""
    if not problem.has_blueprint:
        return {CONSTANT}
    space = compile_space(problem.space)
    points = (space.point(space.draw(make_generator(0, number, "schedule"))) for number in range(DRAWS))
    try:
        return {problem.training(point).schedule for point in points}
    except (ValueError, KeyError, TypeError):  # the search will tell
        return {CONSTANT}
