"""Search spaces: a hyperopt expression compiled to parameters with their conditions; draws and how they vary."""

from metaopt.spaces.compiling import compile_space
from metaopt.spaces.distributions import Distribution
from metaopt.spaces.groups import Group
from metaopt.spaces.parameters import Parameter, Vals
from metaopt.spaces.space import Space

__all__ = ["Distribution", "Group", "Parameter", "Space", "Vals", "compile_space"]
