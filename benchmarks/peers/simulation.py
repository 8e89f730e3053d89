"""Simulated clock of one search: trials train as in the table, cost what it says, and resume where they stopped."""

import time
from dataclasses import dataclass, field
from typing import Any

from benchmarks.peers.curves import Network
from benchmarks.peers.parameters import PeerParameter, describe_parameters, to_vals
from benchmarks.peers.tables import Table
from metaopt.spaces import Vals
from metaopt.values.value_identity import sign_draw

_MOST_DECISIONS = 200  # per full training of the budget; a method that decides more often never trains


class BudgetSpent(Exception):
    """The budget of the search is spent; the adapter lets it pass."""


@dataclass(frozen=True)
class Step:
    """A new incumbent.

    Attributes:
        cost: full trainings spent when its epoch ended.
        error: its validation error, the best so far.
        test_error: held-out error of the same network after the same epoch.
    """

    cost: float
    error: float
    test_error: float


@dataclass
class Course:
    """Course of a search.

    Attributes:
        steps: the incumbents, by ascending cost.
        trials: number of trials that were started.
        epochs: number of epochs that were trained.
        decisions: number of times that the method said what is trained next.
        thinking_s: CPU seconds of the method from its first decision on, which the clock does not count. Imports and
            set-up come before it.
        trained: ids of the networks in the order in which they were started.
    """

    steps: list[Step] = field(default_factory=list)
    trials: int = 0
    epochs: int = 0
    decisions: int = 0
    thinking_s: float = 0.0
    trained: list[int] = field(default_factory=list)

    def add(self, cost: float, network: Network, epoch: int) -> None:
        """Store an epoch, from 1, if it is the best one so far."""
        self.epochs += 1
        error = float(network.curves.errors[epoch - 1])
        if not self.steps or error < self.steps[-1].error:
            self.steps.append(Step(cost, error, network.test_error(epoch)))


class Simulation:
    """A search on a table with one worker.

    Args:
        table: the table.
        budget: full trainings that the search may spend.

    Attributes:
        table: the table.
        course: what happened so far.
    """

    def __init__(self, table: Table, budget: float) -> None:
        self.table = table
        self.course = Course()
        self._budget = budget
        self._spent_s = 0.0
        self._trials: dict[str, SimulatedTrial] = {}
        self._networks: dict[str, Network] = {}
        self._cpu_s: float | None = None  # since when the method thinks; None before its first decision

    @property
    def parameters(self) -> tuple[PeerParameter, ...]:
        """Neutral description of the space."""
        return describe_parameters(self.table.space)

    @property
    def max_epochs(self) -> int:
        """Epochs of a full training, R."""
        return self.table.epochs

    @property
    def cost(self) -> float:
        """Full trainings spent so far."""
        return self._spent_s / self.table.full_training_s

    @property
    def remaining(self) -> float:
        """Full trainings that are left."""
        return self._budget - self.cost

    def start(self, values: dict[str, Any]) -> "SimulatedTrial":
        """Start a trial.

        Args:
            values: label → value; those of inactive parameters do not count.

        Raises:
            UserError: the values do not fit the space.
        """
        vals = to_vals(self.table.space, values)
        trial = SimulatedTrial(self, self.find_network(vals))
        self._trials[sign_draw(vals)] = trial
        return trial

    def find_network(self, vals: Vals) -> Network:
        """Return the network of a new trial: of equal draws the same one, of different draws different ones.

        In a sampled table, many draws are nearest to the same network. But no two different networks have equal curves,
        so each draw gets the nearest network that no other draw of the search had, as long as there is one.
        """
        key = sign_draw(vals)
        if key not in self._networks:
            used = {network.id for network in self._networks.values()}
            self._networks[key] = self.table.network(vals, used)
        self.course.trials += 1
        self.course.trained.append(self._networks[key].id)
        return self._networks[key]

    def start_or_resume(self, values: dict[str, Any], epoch: int) -> "SimulatedTrial":
        """Return the last trial with the same values if it has fewer epochs than wanted; else start one.

        For libraries that pass values and a resource to the training, and leave checkpoints to the user.
        """
        found = self._trials.get(sign_draw(to_vals(self.table.space, values)))
        return found if found is not None and found.epochs < epoch else self.start(values)

    def train(self, trial: "SimulatedTrial", epoch: int) -> None:
        """Train a trial up to an epoch; see ``SimulatedTrial.train_to``."""
        self.stop_thinking()
        self.course.decisions += 1
        if self.course.decisions > _MOST_DECISIONS * self._budget:
            raise RuntimeError(f"The method made {self.course.decisions} decisions and spent {self.cost:.1f} only.")
        try:
            seconds = trial.network.curves.seconds
            for number in range(trial.epochs, epoch):
                self._spent_s += seconds[number]
                if self.cost > self._budget:
                    raise BudgetSpent
                trial.epochs += 1
                self.course.add(self.cost, trial.network, trial.epochs)
        finally:
            self._cpu_s = time.process_time()

    def spend(self, seconds: float) -> None:
        """Advance the clock for trainings that another executor simulated."""
        self._spent_s += seconds

    def stop_thinking(self) -> None:
        """Add the CPU time since the last training to that of the method; the first call only starts the clock."""
        now = time.process_time()
        self.course.thinking_s += 0.0 if self._cpu_s is None else now - self._cpu_s
        self._cpu_s = now


class SimulatedTrial:
    """A trial, which keeps its epochs: training it further costs the new epochs only.

    Attributes:
        network: the network that is trained.
        epochs: number of epochs trained so far.
    """

    def __init__(self, simulation: Simulation, network: Network) -> None:
        self._simulation = simulation
        self.network = network
        self.epochs = 0

    def train_to(self, epoch: int) -> float:
        """Train up to an epoch and return the best validation error so far.

        Raises:
            BudgetSpent: the budget does not suffice.
        """
        self._simulation.train(self, epoch)
        return self.error

    @property
    def error(self) -> float:
        """Best validation error so far; 1 before the first epoch."""
        return float(self.network.curves.best_errors[self.epochs - 1]) if self.epochs else 1.0

    @property
    def seconds(self) -> float:
        """Training seconds so far."""
        return float(self.network.curves.seconds[: self.epochs].sum())
