"""hyperopt: its ``fmin`` on the table's own space; every trial is trained to the end."""

import logging
from functools import partial
from typing import Any

import numpy as np

from benchmarks.peers.peer import Peer
from benchmarks.peers.simulation import Simulation

_ENDLESS = 1_000_000  # evaluations; the budget ends the search


def _search(algorithm: str, simulation: Simulation, seed: int) -> None:
    from hyperopt import anneal, fmin, rand, tpe

    logging.getLogger("hyperopt").setLevel(logging.CRITICAL)  # it logs the end of the budget as a failed trial
    space = simulation.table.space

    def objective(point: Any) -> float:
        return simulation.start(space.vals(point)).train_to(simulation.max_epochs)

    fmin(
        objective,
        simulation.table.expression,
        algo={"tpe": tpe, "anneal": anneal, "random": rand}[algorithm].suggest,
        max_evals=_ENDLESS,
        rstate=np.random.default_rng(seed),
        show_progressbar=False,
        verbose=False,
    )


_NOTE = "The space of the table itself."
PEERS = {
    "hyperopt random": Peer(("hyperopt",), partial(_search, "random"), _NOTE),
    "hyperopt TPE": Peer(("hyperopt",), partial(_search, "tpe"), _NOTE),
    "hyperopt anneal": Peer(("hyperopt",), partial(_search, "anneal"), _NOTE),
}
