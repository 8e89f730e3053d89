"""Optuna's TPE with a pruner, over the same choices; each trial is a training from scratch."""

import sys
from typing import Any

import optuna

from benchmarks.evolve.run_context import Run

_TRIALS = 8  # full trainings that the budget would allow
_STARTUP = 5  # random trials of TPE and the median pruner, the given configuration among them


def search_with_median(run: Run) -> None:
    """Search with the median pruner."""
    _search(run, optuna.pruners.MedianPruner(n_startup_trials=_STARTUP))


def search_with_hyperband(run: Run) -> None:
    """Search with the Hyperband pruner."""
    _search(run, optuna.pruners.HyperbandPruner(min_resource=1, max_resource=_epochs_of_a_trial(run)))


def _epochs_of_a_trial(run: Run) -> int:
    return max(1, run.epochs // _TRIALS)


def _search(run: Run, pruner: Any) -> None:
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

        run.train(run.task.build(config), config, _epochs_of_a_trial(run), after)
        return min(losses)

    run.recorder.begin()
    study.optimize(objective, n_trials=sys.maxsize)


def _suggest(trial: Any, name: str, choice: Any) -> Any:
    if choice.options:
        return trial.suggest_categorical(name, choice.options)
    return trial.suggest_float(name, choice.low, choice.high, log=choice.is_logarithmic)
