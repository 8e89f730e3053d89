"""Syne Tune: its asynchronous schedulers without the tuner and backend that start processes.

Version 0.14 is the last one with MOBSTER and Hyper-Tune.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from benchmarks.peers.parameters import PeerParameter
from benchmarks.peers.peer import Peer
from benchmarks.peers.simulation import SimulatedTrial, Simulation

ETA = 3
_BRACKETS = 4  # of Hyper-Tune: as many as there are rungs of 1, 3, 9 and 27 epochs
_METRIC, _RESOURCE = "error", "epoch"


def _search(name: str, simulation: Simulation, seed: int) -> None:
    from syne_tune.backend.trial_status import Trial
    from syne_tune.optimizer import legacy_baselines
    from syne_tune.optimizer.scheduler import SchedulerDecision

    logging.getLogger("syne_tune").setLevel(logging.ERROR)
    settings = {"brackets": _BRACKETS} if name == "HyperTune" else {}
    scheduler = getattr(legacy_baselines, name)(
        _make_space(simulation.parameters),
        metric=_METRIC,
        mode="min",
        resource_attr=_RESOURCE,
        max_t=simulation.max_epochs,
        grace_period=1,
        reduction_factor=ETA,
        type="promotion",  # trials pause at a rung and resume
        search_options={"debug_log": False},
        random_seed=seed,
        **settings,
    )
    started: list[tuple[Any, SimulatedTrial]] = []
    while True:
        asked = scheduler.suggest(len(started))
        if asked.spawn_new_trial_id:
            started.append((Trial(len(started), asked.config, datetime.now()), simulation.start(asked.config)))
            current, trial = started[-1]
            scheduler.on_trial_add(current)
        else:
            current, trial = started[asked.checkpoint_trial_id]
        decision = SchedulerDecision.CONTINUE
        while decision == SchedulerDecision.CONTINUE:
            error = trial.train_to(trial.epochs + 1)
            decision = scheduler.on_trial_result(current, {_METRIC: error, _RESOURCE: trial.epochs})
        scheduler.on_trial_remove(current)


def _make_space(parameters: Sequence[PeerParameter]) -> dict[str, Any]:
    return {one.label: _make(one) for one in parameters}


def _make(one: PeerParameter) -> Any:
    from syne_tune import config_space

    if one.kind == "categorical":
        return config_space.choice(list(one.options))
    if one.kind == "integer":
        return (config_space.lograndint if one.log else config_space.randint)(int(one.low), int(one.high))
    return (config_space.loguniform if one.log else config_space.uniform)(one.low, one.high)


_PACKAGES = ("syne-tune", "autograd")
_NOTE = (
    "No conditions, which its spaces lack: parameters that are inactive have no effect. It begins with the middle of"
    f" the space. η {ETA}, from 1 epoch; paused trials resume."
)
PEERS = {
    "Syne Tune ASHA": Peer(_PACKAGES, partial(_search, "ASHA"), _NOTE),
    "Syne Tune MOBSTER": Peer(_PACKAGES, partial(_search, "MOBSTER"), _NOTE),
    "Syne Tune Hyper-Tune": Peer(_PACKAGES, partial(_search, "HyperTune"), f"{_NOTE} {_BRACKETS} brackets."),
}
