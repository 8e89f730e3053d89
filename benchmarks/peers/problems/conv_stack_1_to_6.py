"""Stacks of one to six convolutional blocks: the space of ``conv_stack`` for 8×8 images."""

from metaopt.zoo.conv_stack import make_space, network, training

__all__ = ["network", "space", "training"]

space = make_space(1, 6)
