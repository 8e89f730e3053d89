"""NePS in its ask-and-tell interface."""

import logging
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.peers.adapters.global_seeds import seed_generators
from benchmarks.peers.parameters import PeerParameter
from benchmarks.peers.peer import Peer
from benchmarks.peers.simulation import SimulatedTrial, Simulation

ETA = 3
SURROGATE = "IFBO_SURROGATE_FOLDER"
"""Environment variable: the folder with ifBO's trained surrogate model."""
_EPOCH = "epoch"


def _search(make: Callable[[Any], Any], uses_prior: bool, simulation: Simulation, seed: int) -> None:
    import neps

    logging.getLogger("neps").setLevel(logging.ERROR)
    seed_generators(seed)  # NePS draws from the global ones
    default = simulation.table.default if uses_prior else None
    space = {one.label: _make(one, default or {}) for one in simulation.parameters}
    space[_EPOCH] = neps.HPOInteger(1, simulation.max_epochs, is_fidelity=True)
    optimizer = neps.AskAndTell(make(neps.SearchSpace(space)))
    trained: dict[str, SimulatedTrial] = {}
    while True:
        asked = optimizer.ask()
        values = dict(asked.config)
        epoch = int(values.pop(_EPOCH))
        parent = asked.metadata.previous_trial_id
        trial = trained[parent] if parent in trained else simulation.start(values)
        trained[asked.metadata.id] = trial
        optimizer.tell(asked.metadata.id, trial.train_to(epoch))


def _make(one: PeerParameter, default: Mapping[str, float]) -> Any:
    import neps

    prior: dict[str, Any] = {}
    if one.label in default:
        value = default[one.label]
        prior = {"prior": value if one.kind == "float" else round(value), "prior_confidence": "medium"}
    if one.kind == "categorical":
        return neps.HPOCategorical(list(one.options), **prior)
    if one.kind == "integer":
        return neps.HPOInteger(int(one.low), int(one.high), log=one.log, **prior)
    return neps.HPOFloat(one.low, one.high, log=one.log, **prior)


def _priorband(space: Any) -> Any:
    import neps

    return neps.algorithms.priorband(space, eta=ETA)


def _hyperband(space: Any) -> Any:
    import neps

    return neps.algorithms.hyperband(space, eta=ETA)


def _ifbo(space: Any) -> Any:
    import neps

    return neps.algorithms.ifbo(space, surrogate_path=os.environ[SURROGATE])


def _find_surrogate() -> str | None:
    """Return why ifBO cannot run."""
    folder = os.environ.get(SURROGATE)
    if folder is not None and Path(folder).is_dir():
        return None
    return f"its surrogate model is a download of its own: {SURROGATE} names no folder with it"


_PACKAGES = ("neural-pipeline-search", "torch")
_NOTE = "No conditions, which its spaces lack: parameters that are inactive have no effect."
PEERS = {
    "NePS PriorBand": Peer(
        _PACKAGES,
        partial(_search, _priorband, True),
        f"{_NOTE} η {ETA}, from 1 epoch. The prior is the default point of the table.",
    ),
    "NePS Hyperband": Peer(_PACKAGES, partial(_search, _hyperband, False), f"{_NOTE} η {ETA}, from 1 epoch."),
    "NePS ifBO": Peer(
        (*_PACKAGES, "ifbo"), partial(_search, _ifbo, False), f"{_NOTE} One epoch a step.", _find_surrogate
    ),
}
