"""Search spaces: a hyperopt expression compiled to parameters with their conditions, to draw, evaluate and decode."""

from metaopt.spaces.compiling import compile_space
from metaopt.spaces.distributions import Distribution
from metaopt.spaces.parameters import Parameter, Vals
from metaopt.spaces.space import Space

__all__ = ["Distribution", "Parameter", "Space", "Vals", "compile_space"]
