"""Tasks of the benchmark: a data set, a space with its networks, and the lengths of trainings and searches."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmarks.peers.parameters import PeerParameter, describe_parameters
from benchmarks.peers.table_networks import sample_networks
from metaopt.data import DataSet, DataSpec, load
from metaopt.errors import UserError, hint
from metaopt.guard.guard import Guard
from metaopt.problems.loading import load_problem
from metaopt.problems.problem import Problem
from metaopt.spaces import Space, Vals, compile_space

PROBLEMS = Path(__file__).with_name("problems")
AUGMENT = "none"  # every library trains on the same arrays


@dataclass(frozen=True)
class Task:
    """A task.

    Attributes:
        name: its name.
        data: name of a data set, or its folder in the folder of data.
        is_folder: whether ``data`` is a folder.
        problem: path of the problem file.
        epochs: maximum epochs of a training.
        seconds: wall seconds of a search.
        targets: validation accuracies to which wall time is measured.
    """

    name: str
    data: str
    is_folder: bool
    problem: Path
    epochs: int
    seconds: float
    targets: tuple[float, ...]

    def data_argument(self, folder: Path) -> str:
        """Return the value of ``--data``; ``folder`` is the folder of data."""
        return str(folder / self.data) if self.is_folder else self.data


TASKS = {
    task.name: task
    for task in (
        Task("digits", "digits", False, PROBLEMS / "digits_stack.py", 27, 150.0, (0.97, 0.98, 0.985, 0.99)),
        Task("flowers17", "flowers17", True, PROBLEMS / "flowers_narrow.py", 27, 300.0, (0.45, 0.5, 0.55, 0.6)),
    )
}


def find_task(name: str) -> Task:
    """Return a task by name.

    Raises:
        UserError: there is none of this name.
    """
    if name not in TASKS:
        raise UserError(f"Unknown task: {name}. {hint(name, TASKS)}")
    return TASKS[name]


@dataclass(frozen=True)
class LoadedTask:
    """A task with its data.

    Attributes:
        task: the task.
        folder: the folder of data.
    """

    task: Task
    folder: Path

    @cached_property
    def problem(self) -> Problem:
        """The networks and their training."""
        return load_problem(str(self.task.problem))

    @cached_property
    def space(self) -> Space:
        """The compiled space."""
        return compile_space(self.problem.space)

    @cached_property
    def parameters(self) -> tuple[PeerParameter, ...]:
        """The parameters for other libraries."""
        return describe_parameters(self.space)

    @cached_property
    def data(self) -> DataSet:
        """The data set with its splits, those of a search of metaopt."""
        return load(DataSpec(self.task.data_argument(self.folder), None, AUGMENT))

    def draw_valid(self, count: int, seed: int) -> list[Vals]:
        """Draw different valid networks from the prior.

        Args:
            count: number of networks.
            seed: seed of the draws.
        """
        guard = Guard(self.problem, self.data.input_shape, self.data.classes)
        return sample_networks(self.space, guard, count, seed)
