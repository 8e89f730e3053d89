"""Search spaces: hyperopt expressions compiled to parameters and conditions."""

from metaopt.spaces.block_stacks import BlockStack
from metaopt.spaces.compiler import compile_space
from metaopt.spaces.distributions import Distribution
from metaopt.spaces.parameters import Parameter, Vals
from metaopt.spaces.space import Space

__all__ = ["BlockStack", "Distribution", "Parameter", "Space", "Vals", "compile_space"]
