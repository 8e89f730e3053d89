"""``hyperopt_optimize.py`` and ``metaopt search``: start or resume a search."""

from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from metaopt.backbones.source import resolve_source
from metaopt.cli.auto_space import TRANSFER, choose_space, find_cached_backbones
from metaopt.cli.dry_run import dry_run
from metaopt.cli.errors import flag_of, guarded, with_flags
from metaopt.cli.ready_spaces import DRAWS, advise_space
from metaopt.cli.search_checks import (
    LESS_MEMORY,
    check_backbones,
    check_inheritance,
    check_own_training,
    check_schedule,
    check_settings,
    note_few_images,
    note_imbalance,
    warn_of_environment,
    warn_of_memory,
    with_checkpoint_quota,
)
from metaopt.cli.search_flags import EARLY_STOPPING, make_parser
from metaopt.cli.search_folds import with_folds
from metaopt.cli.study_inputs import as_begun, find_vals, located_data, study_problem
from metaopt.data import NAMES, DataSet, DataSpec, load
from metaopt.data import resolve as resolve_data
from metaopt.data.target_kinds import check_new_heads
from metaopt.engine.callbacks import Callback
from metaopt.engine.jobs import NO_WEIGHTS, Executor
from metaopt.engine.outside_knowledge import find_knowledge
from metaopt.engine.settings import Settings, resolve
from metaopt.engine.setup import ImageKind, check_study, describe_new_study, make_guard, open_study, search
from metaopt.engine.strategy import DEFAULT_STRATEGY, JOINT, STRATEGIES, resolve_strategy
from metaopt.errors import UserError
from metaopt.executors import make_executor
from metaopt.executors.gpus import AUTO, resolve_workers
from metaopt.executors.hardware import free_memory, has_gpu
from metaopt.executors.ray_cluster import WorkerResources
from metaopt.guard.feasibility import find_rejections
from metaopt.guard.rejections import NothingFits
from metaopt.problems.loading import CNN, load_problem
from metaopt.problems.problem import Problem
from metaopt.report.analysis import StudyData
from metaopt.report.console import make_progress, summarise_search
from metaopt.server.child import check_server, served_beside
from metaopt.spaces import compile_space
from metaopt.storage.known_study import start_point_event
from metaopt.storage.state import StudyState
from metaopt.storage.study import Study, read_begun, stored_path
from metaopt.storage.writer import StudyWriter
from metaopt.terminal.commands import shown
from metaopt.terminal.wrapping import print_wrapped
from metaopt.trackers.factory import find_tracker, tracked
from metaopt.training import KerasTrainer
from metaopt.training.environment import describe_environment
from metaopt.training.keras_backend import check_backend
from metaopt.trials.constraints import parse_constraints
from metaopt.zoo.transfer import IMAGE_SIZES

EPOCHS = {"digits": 30, "mnist": 15, "fashion_mnist": 20, "cifar10": 100, "cifar100": 100}
EPOCHS_OF_OTHERS = 30
EPOCHS_WITH_BACKBONE = 12  # a pretrained network needs fewer, and each costs more


def main(argv: Sequence[str] | None = None, *, beside: Path | None = None, prog: str = "hyperopt_optimize.py") -> int:
    """Run the command and return its exit code.

    Args:
        argv: the arguments, or None for those of the process.
        beside: the folder of the user's ``space.py`` and ``neural_net.py``, or None for the current one.
        prog: the command's name.
    """
    return guarded(
        lambda: run(make_parser(prog, searches=True).parse_args(argv), beside),
        "interrupted: all results so far are saved; run the same command again to resume.",
        prints_its_result=False,
    )


def run(arguments: Namespace, beside: Path | None) -> None:
    """Search, and print the best trial.

    Raises:
        UserError: Wrong usage or input.
    """
    with make_progress() as callback:
        ready = prepare(arguments, beside, callback)
        if arguments.dry_run:
            dry_run(ready.problem, ready.data, ready.settings, arguments.results, ready.check)
            return
        study = conduct(arguments, ready, callback)
    study.require_best()
    print_wrapped(summarise_search(StudyData.of(study), arguments.results))


def conduct(arguments: Namespace, ready: "Ready", callback: Callback) -> StudyWriter:
    """Search, and return the study.

    Args:
        arguments: those of the command.
        ready: see ``prepare``.
        callback: is told what happens.

    Raises:
        UserError: Wrong usage or input.
    """
    for name in arguments.track or ():
        find_tracker(name)  # raises before a study is begun
    check_server(arguments.serve)
    executor = ready.executor(arguments)
    with (
        ready.open(arguments.results, callback) as study,
        tracked(arguments.track or (), study, callback) as told,
        served_beside(arguments.results, arguments.serve, callback.note),
    ):
        environment = _environment(ready.settings, arguments)
        warn_of_environment(study.state, environment, callback)
        search(
            *(study, ready.problem, ready.settings, executor, told, ready.images, arguments.time),
            keep="needed",
            environment=environment,
            knowledge=ready.knowledge,
        )
    return study


def _environment(settings: Settings, arguments: Namespace) -> dict[str, Any]:
    """Return what is known of the software and threads that train; the threads on a cluster only if they were given."""
    found = describe_environment(settings.workers)
    if settings.executor == "ray" and arguments.worker_cpus is not None:
        return {**found, "threads": max(1, int(arguments.worker_cpus))}
    if _is_on_cluster(settings, arguments):
        del found["threads"]
    return found


def _is_on_cluster(settings: Settings, arguments: Namespace) -> bool:
    """Return whether the trials train on other machines than this one, as far as is known."""
    return settings.executor == "ray" and arguments.ray_address is not None


@dataclass(frozen=True)
class Ready:
    """Problem, data and settings of a study, and what is known before a run, see ``find_knowledge``."""

    problem: Problem
    data: DataSet
    settings: Settings
    knowledge: Sequence[Mapping[str, Any]] = ()

    @property
    def images(self) -> ImageKind:
        """Input and output of the networks."""
        return ImageKind(self.data.input_shape, self.data.classes)

    def open(self, folder: Path, callback: Callback) -> StudyWriter:
        """Open the study, or create it.

        Raises:
            UserError: see ``open_study``; for a space that does not fit, the message names ready spaces that do.
        """
        kept = {"fingerprint": self.data.fingerprint, "description": self.data.description}
        with self._advised():
            return open_study(folder, self.problem, self.settings, callback, images=self.images, data=kept)

    def check(self) -> None:
        """Check that a study can be opened, as far as that depends on problem and settings.

        Raises:
            UserError: see ``open``.
        """
        with self._advised():
            check_study(self.problem, self.settings, self.images)

    @contextmanager
    def _advised(self) -> Iterator[None]:
        try:
            yield
        except NothingFits as error:
            advice = "" if error.is_of_values else f" {advise_space(self.problem, self.settings, self.images)}"
            raise UserError(f"{error}{advice} No study was begun.") from error

    def executor(self, arguments: Namespace) -> Executor:
        """Return the executor that trains with Keras.

        Raises:
            UserError: It cannot be used with these arguments.
        """
        trainer = KerasTrainer(self.problem, self.data.spec, fingerprint=self.data.fingerprint)
        settings = self.settings
        resources = WorkerResources(arguments.worker_cpus, arguments.worker_gpus, arguments.worker_memory)
        return make_executor(
            *(settings.executor, trainer, settings.workers, arguments.results, settings.trials_per_gpu),
            ray_address=arguments.ray_address,
            worker_resources=resources,
            checkpoint_url=settings.checkpoint_url,
        )


def prepare(arguments: Namespace, beside: Path | None, callback: Callback) -> Ready:
    """Load the problem and the data, and resolve the settings."""
    check_backend()
    state = read_begun(arguments.results)
    given = _given(arguments, state)
    given.update(_find_workers(given, state, callback))
    # Under a scheduler with rungs, these replace early stopping.
    one_stage = given.get("scheduler", state.settings.get("scheduler", STRATEGIES[DEFAULT_STRATEGY][1])) == "full"
    settings = resolve(given, {"early_stopping": EARLY_STOPPING if one_stage else None}, state)
    if "data" not in given and state.settings:
        settings = replace(settings, data=located_data(settings.data, arguments.results))
    spec, notes = _find_data(settings, arguments.results)  # before the user's code, which may change the folder
    data = None
    if settings.space == AUTO:
        data = load(spec)
        settings = _with_space(settings, data, callback)
    if not state.settings and settings.space == TRANSFER and spec.image_size is None and Path(spec.data).is_dir():
        settings = replace(settings, image_size=max(IMAGE_SIZES))  # the networks resize them to smaller ones
        spec, data = replace(spec, image_size=settings.image_size), None
    problem = _load_problem(arguments, settings, state, beside)
    check_backbones(settings)
    data = load(spec) if data is None else data
    if not state.settings:
        check_inheritance(settings)
        check_new_heads(data.outputs, data.name)
        settings = with_folds(settings, given, problem, data, callback)
    for note in (*notes, *data.notes_on(settings.folds)):
        callback.note(with_flags(note))
    kept = data.spec.data if data.spec.data in NAMES else stored_path(data.spec.data, arguments.results)
    settings = replace(settings, data=kept, augment=data.spec.augment)
    if not state.settings:
        on_cluster = _is_on_cluster(settings, arguments)
        settings = _for_new_study(settings, given, 1 if on_cluster else settings.workers, data, problem)
    elif not _is_on_cluster(settings, arguments):
        warn_of_memory(settings, callback, 1.0 if settings.workers > state.settings["workers"] else LESS_MEMORY)
    check_settings(settings, data)
    note_imbalance(settings, data, callback)
    note_few_images(settings, data, callback)
    check_schedule(settings, problem, callback)
    check_own_training(settings, problem)
    published = bool(arguments.published_point)
    ready = Ready(problem, data, settings)
    new = describe_new_study(problem, settings, ready.images, data.fingerprint)
    points = [start_point_event(path.name, find_vals(problem, path)) for path in arguments.start_point or []]
    studies = arguments.start_from or []
    known = [*points, *find_knowledge(problem, studies, state, callback, published=published, new=new)]
    is_given = "checkpoint_quota" in given
    if not state.settings or is_given:
        settings = with_checkpoint_quota(
            settings, problem, ready.images, arguments.results, callback, is_given=is_given
        )
    return replace(ready, settings=settings, knowledge=known)


def _with_space(settings: Settings, data: DataSet, callback: Callback) -> Settings:
    """Return the settings with the space that ``auto`` selects, and tell why."""

    def fits(name: str) -> bool:
        problem = load_problem(name).with_backbones(backbones if name == TRANSFER else ())
        guard = make_guard(problem, settings, ImageKind(data.input_shape, data.classes))
        return find_rejections(compile_space(problem.space), guard, draws=DRAWS) is None

    backbones = settings.backbones or tuple(find_cached_backbones())
    name, reason = choose_space(data, backbones, gpu=has_gpu(), fits=fits)
    callback.note(f"--space auto selects {name}: {reason}.")
    return replace(settings, space=name, backbones=backbones if name == TRANSFER else ())


def _load_problem(arguments: Namespace, settings: Settings, state: StudyState, beside: Path | None) -> Problem:
    """Load the problem; a search that is resumed runs no file that only its journal names, see ``study_problem``."""
    if not state.header:
        return load_problem(settings.space, beside).with_backbones(settings.backbones)
    study = Study(arguments.results, state)
    if arguments.space not in (None, AUTO) or (beside is not None and settings.space == CNN):
        return as_begun(study, load_problem(settings.space, beside)).with_backbones(settings.backbones)
    return study_problem(study)


# Values of studies of versions that did not record them.
_UNRECORDED = {"class_weights": NO_WEIGHTS, "targets": (), "backbones": ()}


_OF_THE_RUN = (
    *("start_point", "published_point", "dry_run", "track", "serve"),
    *("ray_address", "worker_cpus", "worker_gpus", "worker_memory"),
)
"""Arguments that are no settings of the study."""


def _given(arguments: Namespace, state: StudyState) -> dict[str, Any]:
    """Return the given flags under the names of ``Settings``."""
    given = {name: value for name, value in vars(arguments).items() if value is not None}
    if "targets" in given:
        given["targets"] = tuple(given["targets"])
    if "backbones" in given:
        given["backbones"] = tuple(dict.fromkeys(map(resolve_source, given["backbones"])))
    for name in ("results", "time", "strategy", "constraint", "start_from", *_OF_THE_RUN):
        given.pop(name, None)
    if arguments.strategy or arguments.sampler or arguments.scheduler:
        halves = resolve_strategy(arguments.strategy, arguments.sampler, arguments.scheduler)
        if arguments.strategy is None and state.settings:  # one is given, the other is the study's
            own = state.settings["sampler"], state.settings["scheduler"]
            if own[0] not in JOINT:
                halves = arguments.sampler or own[0], arguments.scheduler or own[1]
        given["sampler"], given["scheduler"] = halves
    if arguments.constraint:
        kept = [text for text in state.settings.get("constraints", ()) if text.startswith("memory")]
        asked = _limits_memory(arguments.constraint)
        given["constraints"] = (*arguments.constraint, *([] if asked else kept))
    if state.settings and given.get("augment") == "auto":
        del given["augment"]  # the study's own
    if state.settings and given.get("space") == AUTO:
        del given["space"]  # the study's own
        if not state.settings.get("backbones"):
            given.pop("backbones", None)  # auto selected a space without one
    if given.get("folds") == AUTO:
        del given["folds"]  # the study's own, or chosen by its data
    # Trials with another schedule or augmentation cannot be compared, and one that resumes would switch to it.
    for name in (
        "seed",
        "split_seed",
        "schedule",
        "augment",
        "first_cycle_s",
        "cycle_factor",
        "class_weights",
        "targets",
        "backbones",
    ):
        begun = state.settings.get(name, _UNRECORDED.get(name))
        begun = tuple(begun) if isinstance(begun, list) else begun
        if state.settings and given.get(name, begun) != begun:
            flag = flag_of(name)
            begun = " ".join(begun) or None if isinstance(begun, tuple) else begun
            value = f"{begun:g}s" if name.endswith("_s") and begun is not None else begun
            kind = f"without {flag}" if begun is None else f"with {flag} {value}"
            raise UserError(
                f"The study in {shown(arguments.results)} was started {kind}: leave {flag} out, or choose another"
                " folder with --results."
            )
    for name, off in (("early_stopping", 0), ("stop_after", 0), ("trial_timeout_s", 0), ("fill", 0), ("grow", "none")):
        if given.get(name) == off:
            given[name] = None
    return given


def _find_workers(given: Mapping[str, Any], state: StudyState, callback: Callback) -> dict[str, Any]:
    """Return the number of workers, if it was given or follows from the GPUs.

    Raises:
        UserError: There are too few GPUs, or they have too little memory.
    """
    executor = given.get("executor", state.settings.get("executor", Settings.executor))
    workers = resolve_workers(
        executor,
        given.get("workers"),
        given.get("trials_per_gpu"),
        lambda text: callback.note(with_flags(text)),
    )
    return {} if workers is None else {"workers": workers}


def _limits_memory(texts: Iterable[str]) -> bool:
    return any(limit.name == "memory" for limit in parse_constraints(texts))


def _find_data(settings: Settings, results: Path) -> tuple[DataSpec, list[str]]:
    """Return the specification of the data set, with an absolute path, and notes on it for the user."""
    cache = str(results / "cache")
    size, augment = settings.image_size, settings.augment
    asked = DataSpec(settings.data, size, augment, cache, settings.split_seed, settings.skip_broken, settings.targets)
    found: list[str] = []
    spec, notes = resolve_data(asked, has_gpu(found.append))
    return spec, [*found, *notes]


def _for_new_study(
    settings: Settings, given: dict[str, Any], workers: int, data: DataSet, problem: Problem
) -> Settings:
    """Return the settings of a new study with the defaults of its data set, space and machine.

    Args:
        settings: settings so far.
        given: settings that the user gave.
        workers: number of trials at once on one machine.
        data: the data set, whose first output decides the default objective.
        problem: the problem with the space.
    """
    if not _limits_memory(settings.constraints):
        memory = f"memory<={free_memory(workers, settings.trials_per_gpu):.3e}"
        settings = replace(settings, constraints=(*settings.constraints, memory))
    if "objective" not in given:
        settings = replace(settings, objective=f"val_{data.first_output.objective}")
    default = EPOCHS.get(settings.data, EPOCHS_OF_OTHERS)
    default = default if problem.backbone_space is None else EPOCHS_WITH_BACKBONE
    return replace(settings, epochs=given.get("epochs", default))
