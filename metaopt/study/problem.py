"""Import path of earlier versions: ``from metaopt.study.problem import Training`` stands in users' problem files.

New code imports from ``metaopt.problems``.
"""

from metaopt.problems.problem import Classes, Problem, fitting
from metaopt.problems.training_config import SCHEDULES, Training, with_schedule

__all__ = ["SCHEDULES", "Classes", "Problem", "Training", "fitting", "with_schedule"]
