"""A table of real learning curves as an objective.

In a **complete** table every point of a finite space was trained, and a proposal is its own network. In a **sampled**
one it stands for the nearest trained network; see ``benchmarks.peers.nearest_network``. Every method is given the same
networks for the same proposals, and is told its own proposal.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from benchmarks.peers.curves import Floats, Network
from benchmarks.peers.nearest_network import Distances
from metaopt.errors import UserError
from metaopt.spaces import Space, Vals, compile_space
from metaopt.values.value_identity import sign_draw


@dataclass(frozen=True, eq=False)
class Table:
    """A table.

    Attributes:
        name: for results and plots.
        expression: the space as a hyperopt expression.
        networks: the trained networks.
        complete: whether every point of the space was trained; else a proposal stands for the nearest network.
        default: draw that a user would start from, for methods that take a prior; None if there is none.
    """

    name: str
    expression: Any
    networks: tuple[Network, ...]
    complete: bool
    default: Vals | None = None

    @cached_property
    def space(self) -> Space:
        """The compiled space."""
        return compile_space(self.expression)

    @property
    def epochs(self) -> int:
        """Epochs of a full training, R."""
        return len(self.networks[0].curves.seconds)

    @cached_property
    def full_training_s(self) -> float:
        """Mean CPU seconds of a full training, the unit of cost."""
        return float(np.mean([network.curves.seconds.sum() for network in self.networks]))

    @cached_property
    def final_errors(self) -> Floats:
        """Validation error of each network at its best epoch."""
        return np.array([network.final_error for network in self.networks])

    def threshold(self, share: float) -> float:
        """Return the validation error that this share of the networks reaches, ties included."""
        return float(np.sort(self.final_errors)[int(np.ceil(share * len(self.networks))) - 1])

    @cached_property
    def best_test_error(self) -> float:
        """The smallest held-out error of a network at the epoch of its best validation error."""
        return min(network.test_error(int(network.curves.errors.argmin()) + 1) for network in self.networks)

    @cached_property
    def luck(self) -> float | None:
        """Standard deviation of the final validation error between trainings of a good network with several seeds.

        Good ones are the better half of all networks, because poor ones vary more and no search chooses them. None if
        none of them was trained twice. A search cannot tell networks apart that differ by less.
        """
        middle = float(np.median(self.final_errors))
        errors = [[each.errors.min() for each in network.replicates] for network in self.networks]
        variances = [np.var(each, ddof=1) for each in errors if len(each) > 1 and np.mean(each) <= middle]
        return float(np.sqrt(np.mean(variances))) if variances else None

    @cached_property
    def digest(self) -> str:
        """Identity of the table: of its space and all its curves."""
        digest = hashlib.sha256(f"{self.space.digest} {self.complete}".encode())
        for network in self.networks:
            digest.update(sign_draw(network.vals).encode())
            for each in network.replicates:
                digest.update(np.concatenate([each.val_accuracy, each.test_accuracy, each.seconds]).tobytes())
        return digest.hexdigest()[:16]

    def network(self, vals: Mapping[str, float], used: Collection[int] = ()) -> Network:
        """Return the network that a draw stands for.

        Args:
            vals: the draw.
            used: ids of networks that other draws stood for, which are skipped where the draw itself was not trained.

        Raises:
            UserError: an active label has no value, or a complete table lacks the draw because a value is out of range.
        """
        vals = self.space.restrict(vals)
        found = self._by_draw.get(sign_draw(vals))
        if found is not None:
            return found
        if self.complete:
            raise UserError(f"{dict(vals)} is no point of the space of table {self.name}.")
        order = np.argsort(self.distances.to(vals), kind="stable")
        nearest = (self.networks[index] for index in order)
        return next((found for found in nearest if found.id not in used), self.networks[order[0]])

    @cached_property
    def distances(self) -> Distances:
        """Distances of draws to the networks."""
        return Distances(self.space, self.networks)

    @cached_property
    def _by_draw(self) -> dict[str, Network]:
        return {sign_draw(network.vals): network for network in self.networks}
