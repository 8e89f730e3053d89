"""One run of a search from its settings: opens the study, puts the strategy together, searches."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from metaopt.samplers import SAMPLERS, TPE
from metaopt.schedulers import SCHEDULERS
from metaopt.spaces import Space
from metaopt.study.files import Files
from metaopt.study.guard import Guard
from metaopt.study.jobs import Executor
from metaopt.study.limits import parse_limits
from metaopt.study.loop import Ending, JobSettings, Search
from metaopt.study.opening import OpenStudy
from metaopt.study.problem import Classes, Problem
from metaopt.study.settings import Settings
from metaopt.study.strategy import Searcher, Strategy
from metaopt.study.study import Study
from metaopt.study.watch import Watcher


def run_search(
    folder: Path,
    space: Space,
    problem: Problem,
    settings: Settings,
    executor: Executor,
    watch: Watcher,
    *,
    input_shape: tuple[int, ...] = (),
    classes: Classes | None = None,
    data: Mapping[str, Any] | None = None,
    seconds: float | None = None,
    files: Files | None = None,
) -> Study:
    """Runs or goes on with a search and returns its study.

    Args:
        folder: of the study.
        space: the compiled space of the problem.
        problem: what is searched over.
        settings: resolved, see ``metaopt.study.settings``.
        executor: runs the trainings.
        watch: is told what happens.
        input_shape: (height, width, channels) of an image.
        classes: head → number of classes.
        data: ``fingerprint`` and ``description`` of the data set, kept by the study.
        seconds: after which the run ends, or None.
        files: the file operations.

    Raises:
        UserError: see ``OpenStudy`` and ``Search.run``.
    """
    limits = parse_limits(settings.constraints)
    data = dict(data or {})
    header = {
        "fingerprint": {
            "space": space.digest,
            "network": hashlib.sha256(problem.source.encode()).hexdigest(),
            "data": str(data.get("fingerprint", "")),
            "objective": settings.objective,
            "folds": "1",
        },
        "objective": settings.objective,
        "seed": settings.seed,
        "labels": list(space.labels),
        "problem": {"name": problem.name, "path": problem.path, "source": problem.source},
        "data": data.get("description", {}),
    }
    with OpenStudy(folder, space, header, note=watch.note, files=files) as study:
        study.begin(settings.as_event())
        search = Search(
            study,
            make_strategy(settings),
            executor,
            Guard(problem, input_shape, classes or {}, limits),
            watch,
            goal=settings.goal,
            jobs=JobSettings(settings.seed, settings.early_stopping),
            ending=Ending(seconds, settings.stop_after),
        )
        search.run()
    return study


def make_strategy(settings: Settings) -> Strategy:
    """The sampler × the scheduler that the settings name."""
    samplers: dict[str, Callable[[], Any]] = {**SAMPLERS, "tpe": lambda: TPE(startup=settings.startup)}
    return Searcher(samplers[settings.sampler](), SCHEDULERS[settings.scheduler](settings.epochs))
