"""KerasTuner: its oracles without the tuner that builds and trains models."""

import os
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

from benchmarks.peers.parameters import PeerParameter
from benchmarks.peers.peer import Peer
from benchmarks.peers.simulation import SimulatedTrial, Simulation

ETA = 3
_ENDLESS = 10_000  # trials, and iterations of Hyperband; the budget ends the search
_OBJECTIVE = "val_error"


def _search(kind: str, simulation: Simulation, seed: int) -> None:
    os.environ.setdefault("KERAS_BACKEND", "torch")  # imported with it; nothing is computed
    import keras_tuner

    common = {
        "objective": keras_tuner.Objective(_OBJECTIVE, "min"),
        "hyperparameters": _make_space(simulation.parameters),
        "seed": seed,
    }
    if kind == "hyperband":
        oracle = keras_tuner.oracles.HyperbandOracle(
            max_epochs=simulation.max_epochs, factor=ETA, hyperband_iterations=_ENDLESS, **common
        )
    else:
        oracle = keras_tuner.oracles.BayesianOptimizationOracle(max_trials=_ENDLESS, **common)
    oracle.verbose = 0
    with tempfile.TemporaryDirectory() as folder:
        oracle._set_project_dir(folder, "oracle")  # as a tuner does; trials are saved there
        _run(oracle, simulation)


def _run(oracle: Any, simulation: Simulation) -> None:
    trained: dict[str, SimulatedTrial] = {}
    while True:
        asked = oracle.create_trial("tuner")
        if asked.status != "RUNNING":
            raise RuntimeError(f"The oracle ended the search: {asked.status}.")
        values = asked.hyperparameters.values
        parent = values.get("tuner/trial_id")
        own = {label: value for label, value in values.items() if not label.startswith("tuner/")}
        # The tuner loads the checkpoint of the trial that Hyperband promotes.
        trial = trained[parent] if parent in trained else simulation.start(own)
        trained[asked.trial_id] = trial
        epoch = values.get("tuner/epochs", simulation.max_epochs)
        error = trial.train_to(epoch)
        oracle.update_trial(asked.trial_id, {_OBJECTIVE: error}, step=epoch)
        asked.status = "COMPLETED"
        oracle.end_trial(asked)


def _make_space(parameters: Sequence[PeerParameter]) -> Any:
    from keras_tuner import HyperParameters

    space = HyperParameters()
    declare_parameters(space, parameters)
    return space


def declare_parameters(space: Any, parameters: Sequence[PeerParameter]) -> dict[str, Any]:
    """Declare all parameters, each in the conditional scopes of its choices, and return the values of the active ones.

    Args:
        space: ``keras_tuner.HyperParameters``.
        parameters: the parameters, each choice before the parameters of its options.
    """
    positions = {one.label: position for position, one in enumerate(parameters)}
    values: dict[str, Any] = {}
    for one in parameters:
        with ExitStack() as scopes:
            # KerasTuner knows a choice only inside of the scopes in which it was declared, so outer ones come first.
            for parent, options in sorted(one.parents.items(), key=lambda pair: positions[pair[0]]):
                scopes.enter_context(space.conditional_scope(parent, list(options)))
            value = _declare(space, one)
        if one.is_active(values):
            values[one.label] = value
    return values


def _declare(space: Any, one: PeerParameter) -> Any:
    sampling = "log" if one.log else "linear"
    if one.kind == "categorical":
        return space.Choice(one.label, list(one.options), ordered=False)
    if one.kind == "integer":
        return space.Int(one.label, int(one.low), int(one.high), sampling=sampling)
    return space.Float(one.label, one.low, one.high, sampling=sampling)


_NOTE = "Conditional scopes."
_PACKAGES = ("keras-tuner", "keras", "torch")
PEERS = {
    "KerasTuner Hyperband": Peer(_PACKAGES, partial(_search, "hyperband"), f"{_NOTE} η 3, from 1 epoch."),
    "KerasTuner Bayesian": Peer(_PACKAGES, partial(_search, "bayesian"), _NOTE),
}
