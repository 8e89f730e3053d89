"""SMAC3 in its ask-and-tell interface."""

import logging
import tempfile
from functools import partial
from typing import Any

from benchmarks.peers.adapters.config_space import make_config_space
from benchmarks.peers.peer import Peer
from benchmarks.peers.simulation import Simulation

ETA = 3
_TRIALS_PER_TRAINING = 5  # that Hyperband makes of one full training, about; the goal bounds the initial design


def _search(kind: str, simulation: Simulation, seed: int) -> None:
    import smac
    from smac.runhistory.dataclasses import TrialValue

    logging.getLogger("smac").setLevel(logging.ERROR)
    epochs = simulation.max_epochs
    with tempfile.TemporaryDirectory() as folder:
        budgets = {"min_budget": 1, "max_budget": epochs} if kind == "multi-fidelity" else {}
        scenario = smac.Scenario(
            make_config_space(simulation.parameters, seed),
            n_trials=round(simulation.remaining * (_TRIALS_PER_TRAINING if budgets else 1)),
            seed=seed,
            deterministic=True,
            output_directory=folder,
            **budgets,
        )
        facade: Any = smac.MultiFidelityFacade if budgets else smac.HyperparameterOptimizationFacade
        more = {"intensifier": facade.get_intensifier(scenario, eta=ETA)} if budgets else {}
        optimizer = facade(scenario, overwrite=True, logging_level=False, **more)
        while True:
            asked = optimizer.ask()
            epoch = round(asked.budget) if budgets else epochs
            trial = simulation.start_or_resume(dict(asked.config), epoch)
            before = trial.seconds
            error = trial.train_to(epoch)
            optimizer.tell(asked, TrialValue(cost=error, time=trial.seconds - before), save=False)


_NOTE = "ConfigSpace with its conditions."
PEERS = {
    "SMAC3 multi-fidelity": Peer(
        ("smac", "ConfigSpace"),
        partial(_search, "multi-fidelity"),
        f"{_NOTE} η 3, from 1 epoch; a goal of five trials per full training of the budget.",
    ),
    "SMAC3": Peer(
        ("smac", "ConfigSpace"),
        partial(_search, "full"),
        f"{_NOTE} Every trial is trained to the end; the goal is the budget.",
    ),
}
