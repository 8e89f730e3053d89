"""Executors: run the jobs of a search in the driver's process, in worker processes, or simulated."""

from metaopt.executors.factory import EXECUTORS, make_executor
from metaopt.executors.inline import Inline
from metaopt.executors.processes import Processes
from metaopt.executors.ray_actors import RayActors
from metaopt.executors.simulated import Simulated

__all__ = ["EXECUTORS", "Inline", "Processes", "RayActors", "Simulated", "make_executor"]
