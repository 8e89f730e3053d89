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
    for one in parameters:
        with ExitStack() as scopes:
            for parent, options in one.parents.items():
                scopes.enter_context(space.conditional_scope(parent, list(options)))
            sampling = "log" if one.log else "linear"
            if one.kind == "categorical":
                space.Choice(one.label, list(one.options), ordered=False)
            elif one.kind == "integer":
                space.Int(one.label, int(one.low), int(one.high), sampling=sampling)
            else:
                space.Float(one.label, one.low, one.high, sampling=sampling)
    return space


_NOTE = "Conditional scopes."
_PACKAGES = ("keras-tuner", "keras", "torch")
PEERS = {
    "KerasTuner Hyperband": Peer(_PACKAGES, partial(_search, "hyperband"), f"{_NOTE} η 3, from 1 epoch."),
    "KerasTuner Bayesian": Peer(_PACKAGES, partial(_search, "bayesian"), _NOTE),
}
