"""Executors: they run the jobs of a search, in the driver's process, in worker processes beside it, or only as if."""

from metaopt.executors.inline import Inline
from metaopt.executors.processes import Processes
from metaopt.executors.simulated import Simulated

__all__ = ["Inline", "Processes", "Simulated"]
