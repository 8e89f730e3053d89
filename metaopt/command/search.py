"""``hyperopt_optimize.py`` and ``metaopt search``: runs a search, or goes on with one."""

from argparse import Namespace
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from metaopt.command.entry import guarded
from metaopt.command.machine import free_memory, has_gpu, worker_memory
from metaopt.command.search_flags import EARLY_STOPPING, make_parser
from metaopt.errors import UserError
from metaopt.executors import Inline, Processes
from metaopt.randomness import generator
from metaopt.report.progress import make_progress
from metaopt.report.scores import describe
from metaopt.spaces import compile_space
from metaopt.study import journal
from metaopt.study.jobs import Executor
from metaopt.study.limits import CHEAP, parse_limits
from metaopt.study.opening import OpenStudy
from metaopt.study.problem import CONSTANT, COSINE_RUNG, Problem
from metaopt.study.run import ImageKind, open_study, search
from metaopt.study.settings import Settings, resolve
from metaopt.study.strategy import resolve_strategy
from metaopt.study.study import JOURNAL
from metaopt.study.trials import Trials
from metaopt.study.watch import Watcher
from metaopt.training import KerasTrainer
from metaopt.training.data import DataSet, DataSpec, load
from metaopt.training.data import resolve as resolve_data
from metaopt.training.metrics import METRICS
from metaopt.training.trainer import takes_run
from metaopt.zoo.loading import load_problem

EPOCHS = {"digits": 30, "mnist": 15, "fashion_mnist": 20, "cifar10": 100, "cifar100": 100}
EPOCHS_OF_OTHERS = 30
DRAWS = 100  # points that are asked for their schedule, a few milliseconds together


def main(argv: Sequence[str] | None = None, *, beside: Path | None = None, prog: str = "hyperopt_optimize.py") -> int:
    """The command; returns its exit code.

    Args:
        argv: the arguments, or None for those of the process.
        beside: the folder of the user's ``space.py`` and ``neural_net.py``, or None for the current one.
        prog: the command's name.
    """
    return guarded(
        lambda: run(make_parser(prog).parse_args(argv), beside),
        "interrupted: everything finished is saved; run the same command again to go on.",
    )


def run(arguments: Namespace, beside: Path | None) -> None:
    """Searches, and shows what was found.

    Raises:
        UserError: whatever the user can mend.
    """
    with make_progress() as watch:
        ready = prepare(arguments, beside, watch)
        executor = _make_executor(ready, arguments.results)
        with ready.open(arguments.results, watch) as study:
            search(study, ready.problem, ready.settings, executor, watch, ready.images, arguments.time, keep="needed")
    print(describe(study.require_best(), arguments.results))


@dataclass(frozen=True)
class Ready:
    """What a command needs to open a study and search it."""

    problem: Problem
    data: DataSet
    settings: Settings

    @property
    def images(self) -> ImageKind:
        """What the networks take and tell apart."""
        return ImageKind(self.data.input_shape, self.data.classes)

    def open(self, folder: Path, watch: Watcher) -> OpenStudy:
        """The study, made where there is none."""
        kept = {"fingerprint": self.data.fingerprint, "description": self.data.description}
        return open_study(folder, self.problem, self.settings, watch, images=self.images, data=kept)


def prepare(arguments: Namespace, beside: Path | None, watch: Watcher) -> Ready:
    """Loads the problem and the data, and resolves the settings; says aloud what there is to say."""
    state = Trials(journal.read(arguments.results / JOURNAL).events)
    given = _given(arguments, state)
    # A trial that is paused at rungs is stopped by them.
    one_stage = given.get("scheduler", state.settings.get("scheduler", "full")) == "full"
    settings = resolve(given, {"early_stopping": EARLY_STOPPING if one_stage else None}, state)
    problem = load_problem(settings.space, beside)
    data = _load_data(settings, arguments.results, watch)
    settings = replace(settings, data=data.spec.data, augment=data.spec.augment)
    if not state.settings:
        settings = _for_new_study(settings, given)
    elif settings.workers > state.settings["workers"]:
        _warn_of_memory(settings, watch)
    _check(settings, data)
    _check_schedule(settings, problem, watch)
    _check_own_training(settings, problem)
    return Ready(problem, data, settings)


def _given(arguments: Namespace, state: Trials) -> dict[str, Any]:
    """What the user asked for now, under the names of ``Settings``."""
    given = {name: value for name, value in vars(arguments).items() if value is not None}
    for name in ("results", "time", "strategy", "constraint"):
        given.pop(name, None)
    if arguments.strategy or arguments.sampler or arguments.scheduler:
        halves = resolve_strategy(arguments.strategy, arguments.sampler, arguments.scheduler)
        if arguments.strategy is None and state.settings:  # one half by hand, the other is the study's
            own = state.settings["sampler"], state.settings["scheduler"]
            halves = arguments.sampler or own[0], arguments.scheduler or own[1]
        given["sampler"], given["scheduler"] = halves
    if arguments.constraint:
        kept = [text for text in state.settings.get("constraints", ()) if text.startswith("memory")]
        asked = _limits_memory(arguments.constraint)
        given["constraints"] = (*arguments.constraint, *([] if asked else kept))
    if state.settings and given.get("augment") == "auto":
        del given["augment"]  # the study's own
    # Trials of another schedule or augmentation could not be compared, and one that goes on would jump to it.
    for name in ("seed", "schedule", "augment"):
        begun = state.settings.get(name)
        if state.settings and given.get(name, begun) != begun:
            kind = "the problem's own schedule" if begun is None else f"{name} {begun}"
            raise UserError(
                f"the study in {arguments.results} was begun with {kind}: leave --{name} out, or search into another"
                " folder with --results."
            )
    for name, off in (("early_stopping", 0), ("stop_after", 0), ("fill", 0), ("grow", "none")):
        if given.get(name) == off:
            given[name] = None
    return given


def _limits_memory(texts: Iterable[str]) -> bool:
    return any(limit.name == "memory" for limit in parse_limits(texts))


def _load_data(settings: Settings, results: Path, watch: Watcher) -> DataSet:
    """The data set; says aloud what there is to say of it."""
    asked = DataSpec(settings.data, settings.image_size, settings.augment, str(results / "cache"))
    spec, notes = resolve_data(asked, has_gpu())
    data = load(spec)
    for note in (*notes, *data.notes):
        watch.note(note)
    return data


def _for_new_study(settings: Settings, given: dict[str, Any]) -> Settings:
    """What a new study takes from its data set and its machine."""
    if not _limits_memory(settings.constraints):
        memory = f"memory<={free_memory(settings.workers):.3e}"
        settings = replace(settings, constraints=(*settings.constraints, memory))
    epochs = given.get("epochs", EPOCHS.get(settings.data, EPOCHS_OF_OTHERS))
    return replace(settings, epochs=epochs)


def _warn_of_memory(settings: Settings, watch: Watcher) -> None:
    """Says where a study's limit on memory is more than so many workers can have; other trials were judged by it."""
    free = free_memory(settings.workers)
    for limit in parse_limits(settings.constraints):
        if limit.name == "memory" and limit.bound > free:
            watch.note(
                f"each of {settings.workers} workers can have {free:.1e} bytes of memory now, less than the study's"
                f" {limit}: to refuse what needs more, give --constraint 'memory<={free:.1e}'."
            )


def _check(settings: Settings, data: DataSet) -> None:
    """Refuses what cannot be measured on this data set, or what the strategy does not give."""
    if settings.budget_unit == "seconds" and settings.scheduler == "full":
        raise UserError(
            "--budget-unit seconds is for strategies with rungs, such as hyperband: limit others with --time."
        )
    if settings.executor == "inline" and settings.workers > 1:
        raise UserError(
            f"--executor inline trains one trial at a time, not {settings.workers}: add --workers 1, or use processes."
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
    for limit in parse_limits(settings.constraints):
        if limit.name not in known:
            raise UserError(
                f"--constraint {limit}: {limit.name} is no metric of a record; known are {', '.join(known)}."
            )


def _check_schedule(settings: Settings, problem: Problem, watch: Watcher) -> None:
    """Refuses a schedule that cannot be kept, and says where it makes a pause no mere pause."""
    if settings.schedule is not None and problem.network is None:
        raise UserError(
            f"--schedule {settings.schedule} has no effect on {problem.name}, whose build_model compiles its own"
            " models: set their learning rates there."
        )
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
        watch.note(
            "with the schedule cosine-rung the learning rate falls to 0 at each rung as if it were the last, so a trial"
            " that goes on is not trained as one that never paused (with cosine, which restarts at the rungs, it is)."
        )


def _check_own_training(settings: Settings, problem: Problem) -> None:
    """Refuses what a problem's own training cannot heed that is told no more than epochs and checkpoint."""
    if problem.build_and_train is None or takes_run(problem.build_and_train):
        return
    counted = ("params", "macs") if problem.network is None else ()
    limits = [f"--constraint {one}" for one in parse_limits(settings.constraints) if one.name in counted]
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
    if problem.network is None:
        return {CONSTANT}
    space = compile_space(problem.space)
    points = (space.point(space.draw(generator(0, number, "schedule"))) for number in range(DRAWS))
    try:
        return {problem.training(point).schedule for point in points}
    except (ValueError, KeyError, TypeError):  # the search will tell
        return {CONSTANT}


def _make_executor(ready: Ready, results: Path) -> Executor:
    settings = ready.settings
    trainer = KerasTrainer(
        ready.problem,
        ready.data.spec,
        deterministic=settings.deterministic,
        schedule=settings.schedule,
        fingerprint=ready.data.fingerprint,
    )
    if settings.executor == "inline":
        return Inline(trainer)
    limit = worker_memory(settings.workers)
    return Processes(trainer, workers=settings.workers, memory_limit=limit, log=results / "logs" / "worker.log")
