"""Optuna: samplers with and without pruners, in its ask-and-tell interface."""

from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.peers.parameters import PeerParameter, suggest_values
from benchmarks.peers.peer import Peer
from benchmarks.peers.simulation import Simulation

ETA = 3
WARM_UP_EPOCHS = 3  # of the median pruner


def _search(
    make_sampler: Callable[[int], Any], make_pruner: Callable[[int], Any] | None, simulation: Simulation, seed: int
) -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    epochs = simulation.max_epochs
    pruner = optuna.pruners.NopPruner() if make_pruner is None else make_pruner(epochs)
    # The Hyperband pruner draws brackets from a hash of the study's name.
    study = optuna.create_study(study_name=f"search {seed}", sampler=make_sampler(seed), pruner=pruner)
    parameters = simulation.parameters
    # A pruner is asked after each epoch; without one, the trial is trained in one go.
    checks = range(1, epochs + 1) if make_pruner is not None else [epochs]
    while True:
        asked = study.ask()
        trial = simulation.start(suggest_values(parameters, partial(suggest_parameter, asked)))
        for epoch in checks:
            asked.report(trial.train_to(epoch), epoch)
            if epoch < epochs and asked.should_prune():
                study.tell(asked, state=optuna.trial.TrialState.PRUNED)
                break
        else:
            study.tell(asked, trial.error)


def suggest_parameter(trial: Any, parameter: PeerParameter) -> Any:
    """Suggest the value of one parameter.

    Args:
        trial: ``optuna.Trial``.
        parameter: the parameter.
    """
    label = parameter.label
    if parameter.kind == "categorical":
        return trial.suggest_categorical(label, parameter.options)
    if parameter.kind == "integer":
        return trial.suggest_int(label, int(parameter.low), int(parameter.high), log=parameter.log)
    return trial.suggest_float(label, parameter.low, parameter.high, log=parameter.log)


def _sampler(name: str, seed: int, **settings: Any) -> Any:
    import warnings

    import optuna

    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    return getattr(optuna.samplers, name)(seed=seed, **settings)


def _hyperband(epochs: int) -> Any:
    import optuna

    return optuna.pruners.HyperbandPruner(min_resource=1, max_resource=epochs, reduction_factor=ETA)


def _successive_halving(_epochs: int) -> Any:
    import optuna

    return optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=ETA)


def _median(_epochs: int) -> Any:
    import optuna

    return optuna.pruners.MedianPruner(n_warmup_steps=WARM_UP_EPOCHS)


_gp, _tpe, _cma = (partial(_sampler, name) for name in ("GPSampler", "TPESampler", "CmaEsSampler"))
_multivariate = partial(_sampler, "TPESampler", multivariate=True, group=True)
_NOTE = "Define-by-run, so conditional parameters are suggested where they are active."
_GP_PACKAGES = ("optuna", "torch", "scipy")

PEERS = {
    "Optuna GP": Peer(_GP_PACKAGES, partial(_search, _gp, None), _NOTE),
    "Optuna TPE": Peer(("optuna",), partial(_search, _tpe, None), _NOTE),
    "Optuna multivariate TPE": Peer(("optuna",), partial(_search, _multivariate, None), _NOTE),
    "Optuna TPE + Hyperband": Peer(("optuna",), partial(_search, _tpe, _hyperband), f"{_NOTE} η 3, from 1 epoch."),
    "Optuna TPE + successive halving": Peer(
        ("optuna",), partial(_search, _tpe, _successive_halving), f"{_NOTE} η 3, from 1 epoch."
    ),
    "Optuna TPE + median": Peer(("optuna",), partial(_search, _tpe, _median), f"{_NOTE} 3 warm-up epochs."),
    "Optuna GP + median": Peer(_GP_PACKAGES, partial(_search, _gp, _median), f"{_NOTE} 3 warm-up epochs."),
    "Optuna CMA-ES": Peer(
        ("optuna", "cmaes"), partial(_search, _cma, None), f"{_NOTE} Choices are drawn at random, as CMA-ES has none."
    ),
}
