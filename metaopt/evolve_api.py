"""``metaopt.evolve_training``: evolve the hyperparameters of one Keras model while it trains."""

import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metaopt.engine.callbacks import Callback, CallbackList
from metaopt.engine.settings import resolve
from metaopt.engine.setup import open_study
from metaopt.engine.setup import search as run_search
from metaopt.errors import UserError
from metaopt.evolving import (
    DEFAULT_FITNESS,
    Change,
    EvolutionPlan,
    Fitness,
    Lineage,
    find_fitness,
    find_mutations,
    trace,
)
from metaopt.executors import make_executor
from metaopt.executors.gpus import resolve_workers
from metaopt.executors.ray_cluster import WorkerResources
from metaopt.problems.augmentation_policy import AugmentationPolicy
from metaopt.problems.problem import Problem
from metaopt.report.console import make_progress
from metaopt.report.evolution_log import EvolutionLog
from metaopt.storage.study import Study, read_begun
from metaopt.strategies.evolve_training import EVOLVE, EvolveTraining
from metaopt.terminal.commands import absolute
from metaopt.values.function_identity import function_digest

if TYPE_CHECKING:
    import keras

_DEFAULTS = EvolutionPlan()


@dataclass(frozen=True)
class Evolved:
    """Result of an evolution while training.

    Attributes:
        model: the trained network, compiled with its last configuration.
        configuration: label → value of its hyperparameters, e.g. ``{"optimizer": "Adam", "learning_rate": 0.001, …}``.
        study: the study, with a record of each trial.
        lineage: its trials by their roles.
        folder: folder of the study, with ``metadata.json`` and the archives.
    """

    model: "keras.Model"
    configuration: dict[str, Any]
    study: Study
    lineage: Lineage
    folder: Path

    def draw(self) -> list[Path]:
        """Draw the history as a figure and an animation in the folder ``figures``; return their paths.

        Raises:
            ResultsNotWritable: An image cannot be written.
        """
        from metaopt.report.plots import draw_study_evolution  # matplotlib takes a second to import

        return draw_study_evolution(self.study, self.folder / "figures")


def evolve_training(
    model: "keras.Model",
    data: Any,
    *,
    cycles: int = _DEFAULTS.cycles,
    population: int = _DEFAULTS.population,
    runup_epochs: int = _DEFAULTS.runup_epochs,
    cycle_epochs: int = _DEFAULTS.cycle_epochs,
    fixing_epochs: int = _DEFAULTS.fixing_epochs,
    final_epochs: int = _DEFAULTS.final_epochs,
    crossover: bool = _DEFAULTS.crossover,
    keep_unchanged: bool = _DEFAULTS.keep_unchanged,
    mutations: Iterable[str | Change] | None = None,
    fitness: str | Fitness = DEFAULT_FITNESS,
    batch_size: int | None = None,
    augmentation: AugmentationPolicy | None = None,
    seed: int = 0,
    results: str | os.PathLike[str] = "results",
    keep_models: bool = True,
    executor: str = "inline",
    workers: int | str = 1,
    ray_address: str | None = None,
    worker_resources: WorkerResources | None = None,
    callbacks: Sequence[Callback] = (),
    progress: bool = True,
) -> Evolved:
    """Evolve the hyperparameters of a model while it trains, or resume such a training.

    The model is trained for a few epochs. Then, cycle after cycle, copies with one change each are trained a little,
    and the fittest goes on, with its weights. The model object itself is not changed.

    Args:
        model: a compiled and built Keras model, Sequential or functional.
        data: ``(inputs, targets)`` or ``(inputs, targets, weights)`` of arrays, a ``tf.data.Dataset`` or a
            ``keras.utils.PyDataset`` of such batches, which are read into memory once and of which 20 % are held out
            for validation; a pair ``(training, validation)`` of any of these; or a data set of ``metaopt.data``.
        cycles: number of cycles, 0 or more.
        population: number of members in each cycle, 2 or more.
        runup_epochs: epochs before the first cycle, 1 or more.
        cycle_epochs: epochs of each member in a cycle, 1 or more.
        fixing_epochs: epochs of the fittest after each cycle.
        final_epochs: epochs after the last cycle.
        crossover: whether, after each cycle, the changes of the two fittest are combined and their weights averaged;
            the result is kept if it is no worse than the fittest after the fixing epochs.
        keep_unchanged: whether member 0 of each cycle is the network without a change.
        mutations: names of ``metaopt.evolving.MUTATIONS``, or functions, see ``metaopt.evolving.mutation``; None for
            all.
        fitness: ``"fall and last"``, (first − last) − last of the validation losses of a cycle; ``"last"``;
            ``"lowest"``; or a function of these losses, whose largest value is the fittest.
        batch_size: batch size at the start, at most the number of training examples; None for that of the data, 32 for
            arrays.
        augmentation: policy of a data set of ``metaopt.data`` in the place of its own augmentation, e.g.
            ``metaopt.zoo.augmentation.policy({"rotate": 15})``, whose strengths the mutation ``augmentation`` scales;
            mixup and CutMix are left out. None for that of the data set.
        seed: an integer >= 0.
        results: folder of the study. A study that is interrupted resumes where it was, bit for bit.
        keep_models: whether each network is kept as a ``.keras`` file in ``results/models``; otherwise the final one.
        executor: ``"inline"``, in this process; ``"processes"``; or ``"ray"``.
        workers: number of members that train at once; more than one needs ``"processes"`` or ``"ray"``.
        ray_address: see ``metaopt.search``.
        worker_resources: see ``metaopt.search``.
        callbacks: are told what happens, such as a tracker.
        progress: whether the progress is shown on standard output.

    Returns:
        The trained model with the study and its lineage.

    Raises:
        UserError: A value is invalid, the model is not compiled or not built, the data do not fit it, the first
            training diverged, or the study in ``results`` is another one; see ``metaopt.errors``.
    """
    plan = EvolutionPlan(
        *(cycles, population, runup_epochs, cycle_epochs, fixing_epochs, final_epochs, crossover, keep_unchanged)
    )
    chosen, fit = find_mutations(mutations), find_fitness(fitness)
    folder = absolute(results)
    from metaopt.training.evolving.preparation import prepare

    prepared = prepare(model, data, batch_size, augmentation)
    state = read_begun(folder)
    given = {
        **{"sampler": EVOLVE, "scheduler": EVOLVE, "objective": "val_loss", "space": "evolve"},
        **{"epochs": plan.epochs, "trials": plan.trials, "seed": seed, "executor": executor},
        "workers": resolve_workers(executor, workers, None, warnings.warn),
    }
    settings = resolve(given, {}, state)
    strategy = EvolveTraining(prepared.recipe.network, plan, chosen, fit)
    problem = Problem(prepared.recipe.network.space(), code=prepared.identity, name=EVOLVE)
    evolution = {
        "plan": plan.to_json(),
        "mutations": {each.name: _identify(each.change) for each in chosen},
        "fitness": fitness if isinstance(fitness, str) else _identify(fit),
    }
    data_header = {"fingerprint": prepared.data.fingerprint, "description": prepared.data.description}
    with make_progress() if progress else nullcontext(Callback()) as display:
        log = EvolutionLog(plan, fit, keeps_models=keep_models)
        callback = CallbackList([display, log, *callbacks])
        for note in prepared.recipe.network.notes:
            callback.note(note)
        trainer = prepared.trainer(executor, writes_archives=keep_models)
        runner = make_executor(
            *(executor, trainer, settings.workers, folder), ray_address=ray_address, worker_resources=worker_resources
        )
        with open_study(folder, problem, settings, callback, data=data_header, evolution=evolution) as study:
            log.study = study
            recipe = trainer.recipe = prepared.with_stored_state(study.folder, callback.note)
            run_search(
                *(study, problem, settings, runner, callback), keep="needed", trains_itself=True, strategy=strategy
            )
    lineage = trace(study.state.trials, plan, fit)
    if lineage.result is None:
        raise UserError("The training was ended before its first epochs were trained. Run it again to resume.")
    final = prepared.load(recipe, study, lineage.result)
    log.write(is_over=True)
    prepared.write_final(recipe, final, folder)
    return Evolved(final, recipe.network.read(lineage.result.vals), study, lineage, folder)


def _identify(function: Callable[..., Any]) -> str:
    return function_digest(function)[:16]
