"""Guard: verdicts on proposed networks, and their repair."""

from metaopt.guard.guard import DUPLICATE, INVALID, Guard, Verdict
from metaopt.guard.stacks import Stacks

__all__ = ["DUPLICATE", "INVALID", "Guard", "Stacks", "Verdict"]
