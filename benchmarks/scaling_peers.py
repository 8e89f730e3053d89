"""Other libraries for scaling.py: the work of their driver per trial, and trials of several workers at once."""

import logging
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import scaling_studies as studies  # noqa: E402
from scaling_trainings import train_epoch  # noqa: E402

from metaopt.problems.loading import load_problem  # noqa: E402
from metaopt.spaces import Space, compile_space  # noqa: E402

Costs = dict[int, tuple[float, float] | None]  # number of trials -> CPU and wall milliseconds per trial
_RAY_OPTIONS = {"include_dashboard": False, "logging_level": logging.ERROR, "log_to_driver": False}


@cache
def reference_space() -> Space:
    """Return the reference space."""
    return compile_space(load_problem("cnn", beside=ROOT).space)


def suggest(trial: Any) -> dict[str, Any]:
    """Ask Optuna for a point of the reference space.

    Args:
        trial: ``optuna.Trial``.
    """
    values: dict[str, Any] = {}
    for parameter in reference_space().parameters:
        label, distribution = parameter.label, parameter.distribution
        if not any(all(values.get(choice) == option for choice, option in each) for each in parameter.conditions):
            continue
        low, high = distribution.bounds
        if distribution.is_unordered:
            values[label] = trial.suggest_categorical(label, list(range(int(low), int(high) + 1)))
        elif distribution.is_logarithmic:
            values[label] = trial.suggest_float(label, low, high, log=True)
        else:
            values[label] = trial.suggest_float(label, low, high, step=distribution.step)
    return values


def make_optuna_study(journal: Path | None, seed: int = 0) -> Any:
    """Return a study with TPE and successive halving, in memory or in a journal file.

    Args:
        journal: path of the file, or None.
        seed: of the sampler.
    """
    import optuna
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(
        storage=None if journal is None else optuna.storages.JournalStorage(JournalFileBackend(str(journal))),
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3),
        study_name="scaling",
        load_if_exists=True,
    )


def run_optuna_trial(study: Any, train: Callable[[int], None] = lambda _: None) -> None:
    """Run one trial, whose curve is that of the trials of metaopt.

    Args:
        study: ``optuna.Study``.
        train: called before each epoch with the number of the trial.
    """
    import optuna

    trial = study.ask()
    values = suggest(trial)
    point = reference_space().point(reference_space().restrict(values))
    loss = studies.loss_of(point)
    for epoch in range(1, studies.EPOCHS + 1):
        train(trial.number)
        trial.report(loss + 0.9 * 0.6**epoch, epoch)
        if epoch < studies.EPOCHS and trial.should_prune():
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            return
    study.tell(trial, loss)


def measure_optuna(sizes: Sequence[int], window: int, *, is_durable: bool) -> Costs:
    """Measure the work per trial of TPE in a study that random search has filled.

    Args:
        sizes: numbers of trials, ascending.
        window: number of trials before each size over which it is measured.
        is_durable: whether the study is in a journal file instead of in memory.
    """
    import optuna

    found: Costs = {}
    with tempfile.TemporaryDirectory() as folder:
        study = make_optuna_study(Path(folder) / "journal" if is_durable else None)
        tpe, number = study.sampler, 0
        for size in sizes:
            study.sampler = optuna.samplers.RandomSampler(seed=0)
            for _ in range(size - window - number):
                run_optuna_trial(study)
            study.sampler = tpe
            run_optuna_trial(study)  # fills caches
            cpu, wall = time.process_time(), time.perf_counter()
            for _ in range(window - 1):
                run_optuna_trial(study)
            number = size
            found[size] = (
                1e3 * (time.process_time() - cpu) / (window - 1),
                1e3 * (time.perf_counter() - wall) / (window - 1),
            )
    return found


def _work_for_optuna(journal: Path, log: str, trials: int, epoch_s: float, seed: int) -> None:
    study = make_optuna_study(journal, seed)
    for _ in range(trials):
        run_optuna_trial(study, lambda number: train_epoch(log, number, epoch_s))


def run_optuna_workers(log: Path, workers: int, trials: int, epoch_s: float) -> None:
    """Train with worker processes that share a study in a journal file, as Optuna recommends it.

    Args:
        log: file of the spans.
        workers: number of processes.
        trials: number of trials of each.
        epoch_s: wall seconds of an epoch.
    """
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "journal"
        make_optuna_study(journal)
        processes = [
            context.Process(target=_work_for_optuna, args=(journal, str(log), trials, epoch_s, seed))
            for seed in range(workers)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join()


def run_ray_tune(trials: int, workers: int, log: Path | None, epoch_s: float) -> list[tuple[float, float]]:
    """Run trials of the reference space with Ray Tune: ASHA, random search, actors that are used again.

    Args:
        trials: number of trials.
        workers: number of trials at once.
        log: file of the spans, or None for trainings that take no time.
        epoch_s: wall seconds of an epoch.

    Returns:
        CPU seconds of the driver and wall seconds at the end of each trial.
    """
    import ray
    from ray import tune

    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    ends: list[tuple[float, float]] = []
    parameters = [each.distribution.bounds for each in reference_space().parameters]
    space = {f"p{number}": tune.uniform(low, high) for number, (low, high) in enumerate(parameters)}
    path = None if log is None else str(log)
    epochs = studies.EPOCHS

    def train(config: dict[str, float]) -> None:
        for epoch in range(1, epochs + 1):
            if path is not None:
                train_epoch(path, tune.get_context().get_trial_id(), epoch_s)
            tune.report({"loss": config["p0"] + 0.9 * 0.6**epoch})

    class Ends(tune.Callback):
        def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:  # noqa: ARG002
            ends.append((time.process_time(), time.perf_counter()))

    ray.init("local", num_cpus=workers, **_RAY_OPTIONS)
    try:
        with tempfile.TemporaryDirectory() as folder:
            tune.Tuner(
                train,
                param_space=space,
                tune_config=tune.TuneConfig(
                    metric="loss",
                    mode="min",
                    num_samples=trials,
                    max_concurrent_trials=workers,
                    scheduler=tune.schedulers.ASHAScheduler(max_t=epochs, reduction_factor=3),
                    reuse_actors=True,
                ),
                run_config=tune.RunConfig(storage_path=folder, verbose=0, callbacks=[Ends()]),
            ).fit()
    finally:
        ray.shutdown()
    return ends


def measure_ray_tune(sizes: Sequence[int], window: int) -> Costs:
    """Measure the work of Ray Tune's driver per trial, with trainings that take no time."""
    ends = run_ray_tune(max(sizes) + 1, 1, None, 0.0)
    found: Costs = {}
    for size in sizes:
        (cpu_before, wall_before), (cpu, wall) = ends[size - window], ends[size]
        found[size] = 1e3 * (cpu - cpu_before) / window, 1e3 * (wall - wall_before) / window
    return found
