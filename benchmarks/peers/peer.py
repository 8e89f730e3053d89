"""Interface of a search method, and the list of all methods."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from benchmarks.peers.simulation import BudgetSpent, Course, Simulation
from benchmarks.peers.tables import Table

_ADAPTERS = (
    "metaopt_strategies",
    "hyperopt_algorithms",
    "optuna_samplers",
    "keras_tuner_oracles",
    "dehb_search",
    "smac_facades",
    "syne_tune_schedulers",
    "neps_algorithms",
    "hebo_optimizer",
)


@dataclass(frozen=True)
class Peer:
    """A search method of a library.

    Attributes:
        packages: distributions that it needs; their versions are stored with its results.
        search: searches with a seed until the simulation raises ``BudgetSpent``, or returns when the budget is spent.
        note: how the space and the resource were given to it, one sentence.
        find_obstacle: returns why it cannot run although its packages are installed; None if it can.
    """

    packages: tuple[str, ...]
    search: Callable[[Simulation, int], None]
    note: str = ""
    find_obstacle: Callable[[], str | None] = lambda: None

    def why_not(self) -> str | None:
        """Return why the method cannot run here, e.g. "optuna is not installed"; None if it can."""
        return find_missing(self.packages) or self.find_obstacle()

    @property
    def versions(self) -> dict[str, str]:
        """Package → version."""
        return find_versions(self.packages)


def list_peers() -> Mapping[str, Peer]:
    """Return all methods by name, those of metaopt first."""
    peers: dict[str, Peer] = {}
    for name in _ADAPTERS:
        peers |= importlib.import_module(f"benchmarks.peers.adapters.{name}").PEERS
    return peers


def run_search(peer: Peer, table: Table, budget: float, seed: int) -> Course:
    """Run one search and return its course.

    Args:
        peer: the method.
        table: the table.
        budget: full trainings that it may spend.
        seed: of the method.
    """
    simulation = Simulation(table, budget)
    try:
        peer.search(simulation, seed)
    except BudgetSpent:
        pass
    else:
        if simulation.remaining > 1:
            raise RuntimeError(f"The method ended with {simulation.remaining:.1f} of {budget:g} full trainings left.")
    simulation.stop_thinking()
    return simulation.course


def find_missing(packages: Sequence[str]) -> str | None:
    """Return the first package that is missing, e.g. "optuna is not installed"; None if all are there."""
    missing = next((name for name in packages if find_version(name) is None), None)
    return None if missing is None else f"{missing} is not installed"


def find_versions(packages: Sequence[str]) -> dict[str, str]:
    """Return package → version of those that are installed."""
    return {name: found for name in packages if (found := find_version(name)) is not None}


def find_version(package: str) -> str | None:
    """Return the version of an installed distribution; None if it is not installed."""
    if package == "metaopt":
        from metaopt import __version__

        return __version__
    try:
        return version(package)
    except PackageNotFoundError:
        return None
