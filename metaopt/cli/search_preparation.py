"""Preparation of a search: its problem, data and settings, from the arguments and a study that is resumed."""

from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from metaopt.cli.auto_space import TRANSFER, choose_space, find_cached_backbones
from metaopt.cli.errors import with_flags
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
    warn_of_memory,
    with_checkpoint_quota,
)
from metaopt.cli.search_flags import EARLY_STOPPING
from metaopt.cli.search_folds import check_race, with_folds
from metaopt.cli.search_given import find_workers, limits_memory, read_given
from metaopt.cli.study_inputs import as_begun, find_vals, located_data, study_problem
from metaopt.data import NAMES, DataSet, DataSpec, load
from metaopt.data import resolve as resolve_data
from metaopt.data.target_kinds import check_new_heads
from metaopt.engine.callbacks import Callback
from metaopt.engine.jobs import Executor
from metaopt.engine.outside_knowledge import find_knowledge
from metaopt.engine.settings import Settings, resolve
from metaopt.engine.setup import ImageKind, check_study, describe_new_study, make_guard, open_study
from metaopt.engine.strategy import DEFAULT_STRATEGY, STRATEGIES
from metaopt.errors import UserError
from metaopt.executors import make_executor
from metaopt.executors.gpus import AUTO
from metaopt.executors.hardware import free_memory, has_gpu
from metaopt.executors.ray_cluster import WorkerResources
from metaopt.guard.feasibility import find_rejections
from metaopt.guard.rejections import NothingFits
from metaopt.problems.loading import CNN, load_problem
from metaopt.problems.problem import Problem
from metaopt.spaces import compile_space
from metaopt.storage.known_study import start_point_event
from metaopt.storage.state import StudyState
from metaopt.storage.study import Study, read_begun, stored_path
from metaopt.storage.writer import StudyWriter
from metaopt.training import KerasTrainer
from metaopt.training.keras_backend import check_backend
from metaopt.zoo.transfer import IMAGE_SIZES

EPOCHS = {"digits": 30, "mnist": 15, "fashion_mnist": 20, "cifar10": 100, "cifar100": 100}
EPOCHS_OF_OTHERS = 30
EPOCHS_WITH_BACKBONE = 12  # a pretrained network needs fewer, and each costs more


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
    given = read_given(arguments, state)
    given.update(find_workers(given, state, callback))
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
        default = EPOCHS.get(data.spec.data, EPOCHS_OF_OTHERS)
        default = default if problem.backbone_space is None else EPOCHS_WITH_BACKBONE
        settings = replace(settings, epochs=given.get("epochs", default))
        settings = with_folds(settings, given, problem, data, callback)
    else:
        check_race(settings, given)
    for note in (*notes, *data.notes_on(settings.folds)):
        callback.note(with_flags(note))
    kept = data.spec.data if data.spec.data in NAMES else stored_path(data.spec.data, arguments.results)
    settings = replace(settings, data=kept, augment=data.spec.augment)
    if not state.settings:
        on_cluster = is_on_cluster(settings, arguments)
        settings = _for_new_study(settings, given, 1 if on_cluster else settings.workers, data)
    elif not is_on_cluster(settings, arguments):
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
    unused = " --backbone is not used; --space transfer uses it." if settings.backbones and name != TRANSFER else ""
    callback.note(f"--space auto selects {name}: {reason}.{unused}")
    return replace(settings, space=name, backbones=backbones if name == TRANSFER else ())


def _load_problem(arguments: Namespace, settings: Settings, state: StudyState, beside: Path | None) -> Problem:
    """Load the problem; a search that is resumed runs no file that only its journal names, see ``study_problem``."""
    if not state.header:
        return load_problem(settings.space, beside).with_backbones(settings.backbones)
    study = Study(arguments.results, state)
    if arguments.space not in (None, AUTO) or (beside is not None and settings.space == CNN):
        return as_begun(study, load_problem(settings.space, beside)).with_backbones(settings.backbones)
    return study_problem(study)


def is_on_cluster(settings: Settings, arguments: Namespace) -> bool:
    """Return whether the trials train on other machines than this one, as far as is known."""
    return settings.executor == "ray" and arguments.ray_address is not None


def _find_data(settings: Settings, results: Path) -> tuple[DataSpec, list[str]]:
    """Return the specification of the data set, with an absolute path, and notes on it for the user."""
    cache = str(results / "cache")
    size, augment = settings.image_size, settings.augment
    asked = DataSpec(settings.data, size, augment, cache, settings.split_seed, settings.skip_broken, settings.targets)
    found: list[str] = []
    spec, notes = resolve_data(asked, has_gpu(found.append))
    return spec, [*found, *notes]


def _for_new_study(settings: Settings, given: dict[str, Any], workers: int, data: DataSet) -> Settings:
    """Return the settings of a new study with the defaults of its data set and machine.

    Args:
        settings: settings so far.
        given: settings that the user gave.
        workers: number of trials at once on one machine.
        data: the data set, whose first output decides the default objective.
    """
    if not limits_memory(settings.constraints):
        memory = f"memory<={free_memory(workers, settings.trials_per_gpu):.3e}"
        settings = replace(settings, constraints=(*settings.constraints, memory))
    if "objective" not in given:
        settings = replace(settings, objective=f"val_{data.first_output.objective}")
    return settings
