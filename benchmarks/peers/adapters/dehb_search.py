"""DEHB in its ask-and-tell interface."""

import tempfile

from benchmarks.peers.adapters.config_space import make_config_space
from benchmarks.peers.peer import Peer
from benchmarks.peers.simulation import Simulation

ETA = 3


def _search(simulation: Simulation, seed: int) -> None:
    from dehb import DEHB
    from loguru import logger

    logger.remove()
    space = make_config_space(simulation.parameters, seed)
    with tempfile.TemporaryDirectory() as folder:
        optimizer = DEHB(
            cs=space,
            dimensions=len(space),
            min_fidelity=1,
            max_fidelity=simulation.max_epochs,
            eta=ETA,
            n_workers=1,
            output_path=folder,
            seed=seed,
        )
        while True:
            asked = optimizer.ask()
            epoch = round(asked["fidelity"])
            # DEHB changes what it promotes; a configuration that stays the same resumes.
            trial = simulation.start_or_resume(dict(asked["config"]), epoch)
            before = trial.seconds
            error = trial.train_to(epoch)
            optimizer.tell(asked, {"fitness": error, "cost": trial.seconds - before})


PEERS = {
    "DEHB": Peer(
        ("DEHB", "ConfigSpace"),
        _search,
        "ConfigSpace with its conditions. η 3, from 1 epoch. An unchanged configuration resumes.",
    )
}
