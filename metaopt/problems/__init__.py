"""Problems: a search space with its network and training configuration, and their loading from files."""

from metaopt.problems.loading import list_ready_problems, load_problem
from metaopt.problems.problem import Classes, Problem
from metaopt.problems.training_config import SCHEDULES, Training

__all__ = ["SCHEDULES", "Classes", "Problem", "Training", "list_ready_problems", "load_problem"]
