"""Set-up of a search, shared by the command and ``metaopt.search``."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from metaopt.backbones.source import identify_files
from metaopt.engine import events
from metaopt.engine.callbacks import Callback
from metaopt.engine.carrying_over import NewStudy
from metaopt.engine.checkpoints import Checkpoints, Keep
from metaopt.engine.fold_race import FoldRace, make_places
from metaopt.engine.fold_settings import check_folds
from metaopt.engine.jobs import Executor
from metaopt.engine.loop import Search, StopCriteria
from metaopt.engine.outside_knowledge import take_in
from metaopt.engine.phases import Phases
from metaopt.engine.settings import Settings
from metaopt.engine.strategy import POPULATION_BASED, SamplerScheduler, Strategy
from metaopt.engine.unread_watch import UnreadWatch
from metaopt.guard.feasibility import find_rejections
from metaopt.guard.fork_check import ForkCheck
from metaopt.guard.guard import Guard
from metaopt.problems.augmentation_check import check_augmentations
from metaopt.problems.problem import Classes, Problem
from metaopt.problems.source_digest import code_digest
from metaopt.problems.unread import Unread, describe_unread, find_paths, find_unread
from metaopt.quantities import plural
from metaopt.samplers import GP, SAMPLERS, TPE, Evolution
from metaopt.schedulers import SCHEDULERS
from metaopt.spaces import compile_space
from metaopt.spaces.logarithms import logarithms_in_doubt
from metaopt.storage.checkpoint_store import UrlStore
from metaopt.storage.files import Files
from metaopt.storage.study import stored_path
from metaopt.storage.writer import StudyWriter
from metaopt.strategies import PB2, PBT, Auto
from metaopt.trials.constraints import MEMORY
from metaopt.trials.growth import constraints_in_force, parse_growth
from metaopt.values.json_values import dump_json


@dataclass(frozen=True)
class ImageKind:
    """Input and output of the networks of a study.

    Attributes:
        input_shape: (height, width, channels), or (length, channels) of signals.
        classes: head → number of classes.
    """

    input_shape: tuple[int, ...] = ()
    classes: Classes = field(default_factory=dict)


@dataclass(frozen=True)
class Function:
    """The Python function that a search trains with.

    Attributes:
        digest: digest of its code and what it captured, see ``metaopt.values.function_identity``.
        is_same: whether the user says that it is the one of the study, whatever its digest.
    """

    digest: str
    is_same: bool = False


def open_study(
    folder: Path,
    problem: Problem,
    settings: Settings,
    callback: Callback,
    *,
    images: ImageKind | None = None,
    data: Mapping[str, Any] | None = None,
    function: Function | None = None,
    evolution: Mapping[str, Any] | None = None,
    files: Files | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> StudyWriter:
    """Open a study to search it, or create it; a context manager.

    Args:
        folder: folder of the study.
        problem: the space and its networks.
        settings: resolved settings, see ``metaopt.engine.settings``.
        callback: is told what the user should know.
        images: input and output of the networks; not needed for a problem without ``network``.
        data: ``fingerprint`` and ``description`` of the data set, kept by the study.
        function: the Python function that trains; None where the problem's networks are trained with Keras.
        evolution: plan, mutations and fitness of an evolution while training, kept by the study; JSON types.
        files: the file operations.
        clock: seconds, steadily growing; ``Simulated.clock`` for a simulation.

    Raises:
        UserError: The settings do not fit together, or not the problem, and nothing was written; else see
            ``StudyWriter``.
    """
    if evolution is None:
        check_study(problem, settings, images, trains_itself=function is not None)
    space = compile_space(problem.space)
    data = dict(data or {})
    own = {} if evolution is None else {"evolution": dict(evolution)}
    fingerprint = study_fingerprint(problem, settings, str(data.get("fingerprint", "")), function)
    header = {
        "fingerprint": {**fingerprint, **{name: dump_json(each, compact=True).decode() for name, each in own.items()}},
        **own,
        "objective": settings.objective,
        **({"objectives": [each.text for each in settings.objectives]} if settings.further_objectives else {}),
        "seed": settings.seed,
        "labels": list(space.labels),
        # What reading commands need, so that they never run the problem's file.
        "logarithmic": [one.label for one in space.parameters if one.distribution.is_logarithmic],
        "problem": {
            "name": problem.name,
            "path": None if problem.path is None else stored_path(problem.path, folder),
            "source": problem.source,
            "has_blueprint": problem.has_blueprint,
        },
        "data": data.get("description", {}),
    }
    is_same = function is not None and function.is_same
    return StudyWriter(folder, space, header, note=callback.note, files=files, clock=clock, is_same_function=is_same)


def study_fingerprint(
    problem: Problem, settings: Settings, data_fingerprint: str = "", function: Function | None = None
) -> dict[str, str]:
    """Return the fingerprint of a study: what it cannot be resumed with another one of.

    Args:
        problem: the space and its networks.
        settings: resolved settings.
        data_fingerprint: fingerprint of the data set.
        function: the Python function that trains, if any.
    """
    return {
        "space": compile_space(problem.space).digest,
        "network": code_digest(problem.code),
        "data": data_fingerprint,
        "objective": " ".join(each.text for each in settings.objectives),
        "folds": str(settings.folds),
        **({"repeats": str(settings.repeats)} if settings.repeats > 1 else {}),
        **_budget(settings),
        **_backbones(settings),
        **({} if function is None else {"function": function.digest}),
    }


def describe_new_study(
    problem: Problem,
    settings: Settings,
    images: ImageKind,
    data_fingerprint: str = "",
    function: Function | None = None,
) -> NewStudy:
    """Return what decides whether trials of an earlier study are measurements of a new one."""
    fingerprint = study_fingerprint(problem, settings, data_fingerprint, function)
    return NewStudy(fingerprint, settings, make_guard(problem, settings, images), compile_space(problem.space))


def search(
    study: StudyWriter,
    problem: Problem,
    settings: Settings,
    executor: Executor,
    callback: Callback,
    images: ImageKind | None = None,
    seconds: float | None = None,
    keep: Keep = "none",
    clock: Callable[[], float] = time.monotonic,
    trains_itself: bool = False,
    environment: Mapping[str, Any] | None = None,
    knowledge: Sequence[Mapping[str, Any]] = (),
    strategy: Strategy | None = None,
) -> None:
    """Start or resume a search, until the goal is reached or the time is over.

    Args:
        study: the study, open for writing.
        problem: the space and its networks.
        settings: settings of this run.
        executor: runs the trainings.
        callback: is told what happens.
        images: input and output of the networks; not needed for a problem without ``network``.
        seconds: time limit of the run, or None.
        keep: which checkpoints are kept, see ``Checkpoints``.
        clock: clock of the deadline, in seconds.
        environment: software and threads that train, kept with the study; None for a Python function.
        trains_itself: whether a function of the user trains, instead of that of metaopt.
        knowledge: events of what is known before the run, see ``metaopt.engine.outside_knowledge``.
        strategy: decides; None for that of the settings.

    Raises:
        UserError: see ``Search.run``.
    """
    images = images or ImageKind()
    if study.state.finished and strategy is None:
        callback.note(_describe_goal(study.state.n_own, settings.goal))
    has_begun = study.state.has_begun
    store = None if settings.checkpoint_url is None else UrlStore(settings.checkpoint_url, study.state.header["id"])
    if store is not None:
        store.check()
    checkpoints = Checkpoints(study.folder, keep, settings.checkpoint_quota, store)
    if all(trial.imported for trial in study.state.trials):
        checkpoints.set_aside(callback.note)
    study.begin(settings.as_event(), environment)
    take_in(study, knowledge, callback)
    watch = None
    if not has_begun and strategy is None:
        watch = _note_unread(study, problem, settings, callback, images, trains_itself)
    guard = make_guard(problem, settings, images, trains_itself=trains_itself)
    Search(
        study,
        make_strategy(settings, ForkCheck(guard, study.space)) if strategy is None else strategy,
        executor,
        guard,
        callback,
        goal=settings.goal,
        options=settings.training_options(),
        criteria=StopCriteria(seconds, settings.stop_after),
        checkpoints=checkpoints,
        phases=make_phases(settings),
        fill=settings.fill,
        race=make_race(settings),
        unread=watch,
        clock=clock,
    ).run()


def _note_unread(
    study: StudyWriter,
    problem: Problem,
    settings: Settings,
    callback: Callback,
    images: ImageKind,
    trains_itself: bool,
) -> UnreadWatch | None:
    """Note hyperparameters of a new study that have no effect, and loguniform bounds that look like values.

    Returns:
        What watches the trainings of a user's own functions, which may read more; None for others.
    """
    for question in logarithms_in_doubt(study.space):
        callback.note(question)
    places = find_paths(study.space.root).values()
    found = Unread(tuple({key for keys in places for key in keys}))
    if problem.has_blueprint and images.input_shape:
        found = find_unread(study.space, problem, images.input_shape, images.classes)
        if not trains_itself and problem.build_and_train is None:
            known, told = {key for keys in places for key in keys} - set(found.keys), found
        else:
            known, told = set(), replace(found, keys=())
        for text in describe_unread(told, known):
            callback.note(text)
        if told.keys or told.of_absent_heads:
            study.append(events.unread([*told.keys, *told.of_absent_heads]))
        if told is found:
            return None
    return UnreadWatch(found.keys, settings.goal)


def _describe_goal(n_own: int, goal: int) -> str:
    """Return what a search does that resumes a completed study."""
    has = f"The study was completed with {plural(n_own, 'trial')}"
    if goal > n_own:
        return f"{has}; {goal - n_own} more are trained, {goal} in all."
    return f"{has}, and a total of {goal} was asked for, so none is trained. Raise the number of trials to continue."


def check_study(problem: Problem, settings: Settings, images: ImageKind | None, *, trains_itself: bool = False) -> None:
    """Check that the settings fit together, and fit the problem.

    Args:
        problem: the space and its networks.
        settings: resolved settings.
        images: input and output of the networks, or None where they are not known.
        trains_itself: whether a function of the user trains, instead of that of metaopt.

    Raises:
        UserError: They do not.
        NothingFits: No network of the space is valid and meets the constraints.
    """
    space = compile_space(problem.space)
    _check_counted(problem, settings, trains_itself=trains_itself)
    check_folds(settings)
    make_strategy(settings)
    phases, guard = make_phases(settings), make_guard(problem, settings, images or ImageKind())
    if phases is not None:
        phases.check(space, guard)
    if settings.fill is not None:
        problem.require_blueprint("fill", f"{settings.fill:g}")
    if images is None:
        return
    check_augmentations(problem, space, images.input_shape)
    for phase in range(1 if phases is None else len(phases.starts)):
        stacks = None if phases is None else phases.stacks(space, phase)
        judge = guard if phases is None else phases.guard(guard, phase)
        rejections = find_rejections(space, judge, stacks)
        if rejections is not None:
            raise rejections.explain(judge)


def _check_counted(problem: Problem, settings: Settings, *, trains_itself: bool) -> None:
    """Check that the counts among the objectives are known for each network.

    Raises:
        UserError: The memory of networks that only Keras can count is not.
    """
    if not trains_itself and any(each.name == MEMORY for each in settings.objectives):
        problem.require_blueprint("objective", MEMORY)


def make_guard(problem: Problem, settings: Settings, images: ImageKind, *, trains_itself: bool = False) -> Guard:
    """Return the guard of a study, with the constraints in force at its end."""
    limits = constraints_in_force(settings.constraints, settings.grow)
    return Guard(problem, images.input_shape, images.classes, limits, predicts_size=not trains_itself)


def make_race(settings: Settings) -> FoldRace | None:
    """Return the race over the folds of a study, or None."""
    if not settings.race:
        return None
    strategy = make_strategy(settings)
    scheduler = strategy.scheduler if isinstance(strategy, SamplerScheduler) else None
    return FoldRace(
        settings.folds,
        settings.repeats,
        settings.objectives[0],
        settings.training_options().tracker,
        settings.epochs,
        make_places(scheduler, settings.eta),
    )


def _budget(settings: Settings) -> dict[str, str]:
    """Return the budget part of the fingerprint: scores at rungs of other budgets do not compare."""
    if settings.scheduler == "full":
        return {}
    parts = settings.epochs, settings.min_epochs, settings.eta, settings.rule, settings.budget_unit
    return {"budget": " ".join(map(str, parts))}


def _backbones(settings: Settings) -> dict[str, str]:
    """Return the part of the fingerprint that tells the content of backbones in files."""
    found = identify_files(settings.backbones)
    return {"backbones": " ".join(found.values())} if found else {}


def make_strategy(settings: Settings, check: ForkCheck | None = None) -> Strategy:
    """Return the strategy that the settings name.

    Args:
        settings: the settings.
        check: tells which forks keep their architecture; None where the strategy is only checked.

    Raises:
        UserError: R, η and the like do not fit together.
    """
    if settings.sampler in POPULATION_BASED:
        return (PBT if settings.sampler == "pbt" else PB2)(
            settings.epochs,
            settings.population,
            settings.perturbation_interval,
            settings.quantile,
            settings.resample,
            check or PBT.check,
        )
    if settings.sampler == "auto":
        return Auto(
            settings.epochs,
            settings.min_epochs,
            min(Auto.startup, settings.startup),
            is_timed=settings.budget_unit == "seconds",
            counts_epochs=settings.deterministic,
        )
    samplers: dict[str, Callable[[], Any]] = {
        **SAMPLERS,
        "tpe": lambda: TPE(settings.startup),
        "gp": lambda: GP(startup=min(GP.startup, settings.startup)),
        "evolution": lambda: (Evolution.of_fronts if settings.further_objectives else Evolution)(
            mu=settings.mu,
            lambda_=settings.lambda_,
            tournament=settings.tournament,
            survivors=settings.survivors,
            mutation=settings.mutation,
        ),
    }
    scheduler = SCHEDULERS[settings.scheduler](
        resource=settings.epochs, eta=settings.eta, min_resource=settings.min_epochs, rule=settings.rule
    )
    n_full = settings.mu if settings.full_population else 0
    return SamplerScheduler(samplers[settings.sampler](), scheduler, make_phases(settings), n_full)


def make_phases(settings: Settings) -> Phases | None:
    """Return the phases of a search that grows; each starts from as many of the best trials as the sampler's start."""
    if settings.grow is None:
        return None
    n_parents = settings.mu if settings.sampler == "evolution" else settings.startup
    return Phases(parse_growth(settings.grow), settings.phases, n_parents)
