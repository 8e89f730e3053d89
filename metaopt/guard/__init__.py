"""Guard: verdicts on proposed networks, memory estimate and repair."""

from metaopt.guard.guard import DUPLICATE, INVALID, Guard, Verdict
from metaopt.guard.memory_estimate import estimate_memory
from metaopt.guard.stacks import Stacks

__all__ = ["DUPLICATE", "INVALID", "Guard", "Stacks", "Verdict", "estimate_memory"]
