"""A child network starts from its parent's weights, and from its parent's function where it only has more of it."""

from metaopt.training.weight_transfer.transfer import Inherited, transfer_weights

__all__ = ["Inherited", "transfer_weights"]
