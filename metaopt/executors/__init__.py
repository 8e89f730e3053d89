"""Executors: they run the jobs of a search, in the driver's own process or in worker processes beside it."""

from metaopt.executors.inline import Inline
from metaopt.executors.processes import Processes

__all__ = ["Inline", "Processes"]
