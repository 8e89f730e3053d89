"""Training of a network with a frozen part in stages, on features of that part that are computed once."""

from metaopt.training.stages.batches import find_inputs
from metaopt.training.stages.plan import Stage, find_stage, make_stages

__all__ = ["Stage", "find_inputs", "find_stage", "make_stages"]
