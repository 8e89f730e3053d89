"""A search from its settings: the study opened, the strategy put together, and then the loop."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from metaopt.engine.callbacks import Watcher
from metaopt.engine.checkpoints import Checkpoints, Keep
from metaopt.engine.job_factory import JobSettings
from metaopt.engine.jobs import Executor
from metaopt.engine.loop import Ending, Search
from metaopt.engine.phases import Growing, check_fill
from metaopt.engine.settings import Settings
from metaopt.engine.strategy import Searcher, Strategy
from metaopt.errors import UserError
from metaopt.guard.guard import Guard
from metaopt.problems.problem import Classes, Problem
from metaopt.problems.source_digest import code_digest
from metaopt.samplers import GP, SAMPLERS, TPE, Evolution, JointTPE
from metaopt.schedulers import SCHEDULERS
from metaopt.spaces import Space, compile_space
from metaopt.storage.files import Files
from metaopt.storage.writer import OpenStudy
from metaopt.trials.growth import limits_in_force, parse_growth
from metaopt.trials.objective import find_objective


@dataclass(frozen=True)
class ImageKind:
    """What the networks of a study take and tell apart.

    Attributes:
        input_shape: (height, width, channels).
        classes: head → number of classes.
    """

    input_shape: tuple[int, ...] = ()
    classes: Classes = field(default_factory=dict)


def open_study(
    folder: Path,
    problem: Problem,
    settings: Settings,
    watch: Watcher,
    *,
    images: ImageKind | None = None,
    data: Mapping[str, Any] | None = None,
    files: Files | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> OpenStudy:
    """Opens a study to search it, or makes it; a context manager.

    Args:
        folder: of the study.
        problem: what is searched over.
        settings: resolved, see ``metaopt.engine.settings``.
        watch: is told what there is to say.
        images: what the networks take, by which ``--grow`` is judged; not needed for a problem without ``network``.
        data: ``fingerprint`` and ``description`` of the data set, kept by the study.
        files: the file operations.
        clock: seconds, steadily growing; ``Simulated.clock`` for a simulation.

    Raises:
        UserError: the settings do not fit together, or not the problem, and nothing was written; else see
            ``OpenStudy``.
    """
    space = compile_space(problem.space)
    _check(problem, settings, images or ImageKind(), space)
    data = dict(data or {})
    header = {
        "fingerprint": {
            "space": space.digest,
            "network": code_digest(problem.code),
            "data": str(data.get("fingerprint", "")),
            "objective": settings.objective,
            "folds": str(settings.folds),
            **_budget(settings),
        },
        "objective": settings.objective,
        "seed": settings.seed,
        "labels": list(space.labels),
        "problem": {"name": problem.name, "path": problem.path, "source": problem.source},
        "data": data.get("description", {}),
    }
    return OpenStudy(folder, space, header, note=watch.note, files=files, clock=clock)


def search(
    study: OpenStudy,
    problem: Problem,
    settings: Settings,
    executor: Executor,
    watch: Watcher,
    images: ImageKind | None = None,
    seconds: float | None = None,
    keep: Keep = "none",
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Searches, or goes on searching, until the goal is reached or the time is over.

    Args:
        study: open.
        problem: what it is searched over.
        settings: of this run.
        executor: runs the trainings.
        watch: is told what happens.
        images: what the networks take; not needed for a problem without ``network``.
        seconds: after which the run ends, or None.
        keep: whose checkpoints are kept, see ``Checkpoints``.
        clock: of the deadline, in seconds.

    Raises:
        UserError: see ``Search.run``.
    """
    images = images or ImageKind()
    guard = _make_guard(problem, settings, images)
    study.begin(settings.as_event())
    Search(
        study,
        make_strategy(settings),
        executor,
        guard,
        watch,
        goal=settings.goal,
        jobs=JobSettings(
            seed=settings.seed,
            resource=settings.epochs,
            in_seconds=settings.budget_unit == "seconds",
            early_stopping=settings.early_stopping,
            stop_hopeless=settings.stop_hopeless,
            folds=settings.folds,
            inherit=settings.inherit,
        ),
        ending=Ending(seconds, settings.stop_after),
        checkpoints=Checkpoints(study.folder, keep, settings.checkpoint_quota),
        growing=make_growing(settings),
        fill=settings.fill,
        clock=clock,
    ).run()


def _check(problem: Problem, settings: Settings, images: ImageKind, space: Space) -> None:
    """Refuses what cannot be searched."""
    find_objective(settings.objective)
    make_strategy(settings)
    guard = _make_guard(problem, settings, images)
    growing = make_growing(settings)
    if growing is not None:
        growing.check(space, guard)
    check_fill(settings.fill, guard)


def _make_guard(problem: Problem, settings: Settings, images: ImageKind) -> Guard:
    return Guard(problem, images.input_shape, images.classes, limits_in_force(settings.constraints, settings.grow))


def _budget(settings: Settings) -> dict[str, str]:
    """What trials are compared at: a part of the fingerprint, as scores at rungs of other budgets do not compare."""
    if settings.scheduler == "full":
        return {}
    parts = settings.epochs, settings.min_epochs, settings.eta, settings.rule, settings.budget_unit
    return {"budget": " ".join(map(str, parts))}


def make_strategy(settings: Settings) -> Strategy:
    """The sampler × the scheduler that the settings name.

    Raises:
        UserError: R, η and the like do not fit together, or the objective does not compare trials at rungs.
    """
    if settings.objective == "convergence" and settings.scheduler != "full":
        raise UserError(
            "--objective convergence compares trainings of equal length, and those that end at a rung are shorter: use"
            " a --strategy that trains each to the end, such as tpe or evolution."
        )
    samplers: dict[str, Callable[[], Any]] = {
        **SAMPLERS,
        "tpe": lambda: TPE(settings.startup) if settings.scheduler == "full" else JointTPE(),
        "gp": lambda: GP(startup=min(GP.startup, settings.startup)),
        "evolution": lambda: Evolution(mu=settings.mu, lambda_=settings.lambda_),
    }
    scheduler = SCHEDULERS[settings.scheduler](
        resource=settings.epochs, eta=settings.eta, min_resource=settings.min_epochs, rule=settings.rule
    )
    return Searcher(samplers[settings.sampler](), scheduler, make_growing(settings))


def make_growing(settings: Settings) -> Growing | None:
    """The phases of a search that grows; each goes on from as many of the best trials as the sampler begins with."""
    if settings.grow is None:
        return None
    elders = settings.mu if settings.sampler == "evolution" else settings.startup
    return Growing(parse_growth(settings.grow), settings.phases, elders)
