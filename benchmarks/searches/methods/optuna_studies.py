"""Optuna: a define-by-run objective with ``model.fit`` and the pruning callback of optuna-integration."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from benchmarks.peers.adapters.optuna_samplers import ETA, suggest_parameter
from benchmarks.peers.parameters import suggest_values
from benchmarks.searches.method import Method, Run, Trainer
from metaopt.spaces import Vals


def _optimize(run: Run, study: Any, prunes: bool, trials: int | None = None) -> None:
    import keras
    import optuna

    from benchmarks.searches.keras_training import METRIC, Arrays, fit
    from metaopt.blueprint import InvalidArchitecture

    keras.utils.set_random_seed(run.seed)
    arrays = Arrays.of(run.loaded)

    def objective(trial: optuna.Trial) -> float:
        callbacks: tuple[Any, ...] = ()
        if prunes:
            from optuna_integration import KerasPruningCallback

            callbacks = (KerasPruningCallback(trial, METRIC),)
        values = suggest_values(run.loaded.parameters, partial(suggest_parameter, trial))
        try:
            history = fit(run.loaded, arrays, run.recorder, trial.number, values, run.epochs, callbacks)
        except InvalidArchitecture as error:
            run.recorder.failed()
            raise optuna.TrialPruned(str(error)) from error
        return max(history.history[METRIC])

    study.optimize(objective, n_trials=trials)


def _search(run: Run) -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        study_name=f"search {run.seed}",  # the Hyperband pruner draws brackets from a hash of it
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=run.seed),
        pruner=optuna.pruners.HyperbandPruner(min_resource=1, max_resource=run.epochs, reduction_factor=ETA),
    )
    _optimize(run, study, prunes=True)


def _train(run: Run, networks: Sequence[Vals]) -> None:
    """Train a list of networks, which are enqueued."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", pruner=optuna.pruners.NopPruner())
    for vals in networks:
        study.enqueue_trial(dict(vals))
    _optimize(run, study, prunes=False, trials=len(networks))


_PACKAGES = ("optuna", "optuna-integration", "keras", "tensorflow")
_MODULES = ("tensorflow", "optuna", "optuna_integration", "benchmarks.searches.keras_training")
METHODS = {
    "Optuna TPE + Hyperband": Method(
        _PACKAGES,
        _MODULES,
        _search,
        "Define-by-run; TPE with the Hyperband pruner, which its documentation recommends for TPE: η 3 from 1 epoch,"
        " through KerasPruningCallback. An invalid network is a pruned trial. In memory, no checkpoints.",
    )
}
TRAINERS = {
    "Optuna": Trainer(_PACKAGES, _MODULES, _train, "enqueue_trial for each network, no pruner, no checkpoints.")
}
