"""Transfer of weights from a parent network to a child network, preserving the parent's function where possible."""

from metaopt.training.weight_transfer.transfer import TransferSummary, transfer_weights

__all__ = ["TransferSummary", "transfer_weights"]
