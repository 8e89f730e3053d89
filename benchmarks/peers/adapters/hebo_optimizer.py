"""HEBO in its suggest-and-observe interface; every trial is trained to the end."""

import warnings
from typing import Any

import numpy as np

from benchmarks.peers.adapters.global_seeds import seed_generators
from benchmarks.peers.parameters import PeerParameter
from benchmarks.peers.peer import Peer
from benchmarks.peers.simulation import Simulation


def _search(simulation: Simulation, seed: int) -> None:
    from hebo.design_space.design_space import DesignSpace
    from hebo.optimizers.hebo import HEBO

    warnings.simplefilter("ignore")  # of the libraries that it calls
    seed_generators(seed)  # it draws from the global ones
    space = DesignSpace().parse([_make(one) for one in simulation.parameters])
    optimizer = HEBO(space, scramble_seed=seed)
    while True:
        asked = optimizer.suggest(n_suggestions=1)
        trial = simulation.start(asked.iloc[0].to_dict())
        optimizer.observe(asked, np.array([[trial.train_to(simulation.max_epochs)]]))


def _make(one: PeerParameter) -> dict[str, Any]:
    if one.kind == "categorical":
        return {"name": one.label, "type": "cat", "categories": list(one.options)}
    kind = {("integer", False): "int", ("integer", True): "pow_int", ("float", False): "num", ("float", True): "pow"}
    low, high = (int(one.low), int(one.high)) if one.kind == "integer" else (one.low, one.high)
    return {"name": one.label, "type": kind[one.kind, one.log], "lb": low, "ub": high}


PEERS = {
    "HEBO": Peer(
        ("HEBO", "torch", "GPy"),
        _search,
        "No conditions, which its spaces lack: parameters that are inactive have no effect.",
    )
}
