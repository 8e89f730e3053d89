"""Optuna's TPE with a pruner, over the same choices; each trial is a training from scratch."""

import sys
from typing import Any

import optuna

from benchmarks.evolve.run_context import Run

_SHORT, _LONG = 8, 4  # full trainings that the budget would allow; the population of ray pbt has as many as _LONG
_STARTUP = 5  # random trials of TPE and the median pruner, the given configuration among them


def search_with_median(run: Run, trials: int = _SHORT) -> None:
    """Search with the median pruner.

    Args:
        run: the run.
        trials: full trainings that the budget would allow.
    """
    _search(run, optuna.pruners.MedianPruner(n_startup_trials=_STARTUP), _share(run, trials))


def search_with_hyperband(run: Run, trials: int = _SHORT) -> None:
    """Search with the Hyperband pruner; see ``search_with_median``."""
    epochs = _share(run, trials)
    _search(run, optuna.pruners.HyperbandPruner(min_resource=1, max_resource=epochs), epochs)


def search_long_with_median(run: Run) -> None:
    """Search with the median pruner, in trials that are twice as long."""
    search_with_median(run, _LONG)


def search_long_with_hyperband(run: Run) -> None:
    """Search with the Hyperband pruner, in trials that are twice as long."""
    search_with_hyperband(run, _LONG)


def _share(run: Run, trials: int) -> int:
    return max(1, run.epochs // trials)


def _search(run: Run, pruner: Any, epochs: int) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = optuna.samplers.TPESampler(seed=run.order.seed, n_startup_trials=_STARTUP)
    study = optuna.create_study(sampler=sampler, pruner=pruner, direction="minimize")
    study.enqueue_trial({name: run.task.start[name] for name in run.task.choices})

    def objective(trial: Any) -> float:
        config = {name: _suggest(trial, name, choice) for name, choice in run.task.choices.items()}
        losses: list[float] = []

        def after(epoch: int, loss: float) -> None:
            losses.append(min(loss, sys.float_info.max))
            trial.report(losses[-1], epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

        run.train(run.task.build(config), config, epochs, after)
        return min(losses)

    run.recorder.begin()
    study.optimize(objective, n_trials=sys.maxsize)


def _suggest(trial: Any, name: str, choice: Any) -> Any:
    if choice.options:
        return trial.suggest_categorical(name, choice.options)
    return trial.suggest_float(name, choice.low, choice.high, log=choice.is_logarithmic)
