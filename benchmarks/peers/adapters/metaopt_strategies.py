"""metaopt: each strategy of the command, through the search loop, journal and simulated executor.

The networks are not described to the search (no ``network``), so its guard rejects duplicates only. Every method
therefore knows the same of a proposal: its values.
"""

import tempfile
from functools import partial
from pathlib import Path

from benchmarks.peers.curves import Network
from benchmarks.peers.peer import Peer
from benchmarks.peers.simulation import Simulation
from metaopt.engine.callbacks import Callback
from metaopt.engine.jobs import Epoch, Job
from metaopt.engine.settings import resolve
from metaopt.engine.setup import open_study, search
from metaopt.engine.strategy import STRATEGIES
from metaopt.executors import Simulated
from metaopt.executors.simulated import Curve
from metaopt.problems.problem import Problem
from metaopt.storage.files import Unsynced
from metaopt.storage.state import StudyState

_ENDLESS = 2_000  # trials; the budget ends the search
_MU = 20  # the default population for 80 trials


class _Follower(Callback):
    """Stores the incumbents and the number of decisions.

    Args:
        simulation: has the course.
        executor: has the clock.
    """

    def __init__(self, simulation: Simulation, executor: Simulated) -> None:
        self.networks: dict[int, Network] = {}
        self._simulation, self._executor = simulation, executor

    def epoch(self, report: Epoch) -> None:
        """Store an epoch."""
        cost = self._executor.clock() / self._simulation.table.full_training_s
        self._simulation.course.add(cost, self.networks[report.trial], report.epoch)


def _search(sampler: str, scheduler: str, simulation: Simulation, seed: int) -> None:
    table = simulation.table

    def curve(job: Job) -> Curve:
        course = simulation.course
        if not course.decisions:
            simulation.stop_thinking()  # what was before is set-up
        course.decisions += 1
        if job.trial not in follower.networks:
            follower.networks[job.trial] = simulation.find_network(table.space.vals(job.point))
        curves = follower.networks[job.trial].curves
        arrays = (curves.val_accuracy, curves.val_loss, curves.train_loss, curves.seconds)
        return [
            ({"val_accuracy": accuracy, "val_loss": loss, "loss": train}, seconds)
            for accuracy, loss, train, seconds in zip(*(array.tolist() for array in arrays), strict=True)
        ]

    executor = Simulated(curve)
    follower = _Follower(simulation, executor)
    given = {"epochs": table.epochs, "seed": seed, "sampler": sampler, "scheduler": scheduler, "workers": 1}
    given["trials"] = len(table.networks) if table.complete else _ENDLESS
    if sampler == "evolution":
        given["mu"] = _MU
    settings = resolve(given, {}, StudyState())
    problem = Problem(table.expression, name="table")
    with (
        tempfile.TemporaryDirectory() as folder,
        open_study(
            Path(folder) / "study", problem, settings, follower, files=Unsynced(), clock=executor.clock
        ) as study,
    ):
        seconds = simulation.remaining * table.full_training_s
        search(study, problem, settings, executor, follower, seconds=seconds, clock=executor.clock)
    simulation.spend(executor.clock())


PEERS = {
    f"metaopt {name}": Peer(("metaopt", "hyperopt"), partial(_search, sampler, scheduler), "The space of the table.")
    for name, (sampler, scheduler) in STRATEGIES.items()
}
