"""A child network starts from its parent's weights, and from its parent's function where it only has more of it."""

from metaopt.training.inheritance.inherit import Inherited, inherit

__all__ = ["Inherited", "inherit"]
