"""Ready-made problems: one module for each search space with its network and training configuration.

``metaopt.problems.loading`` loads them by name. The code of these modules is part of the fingerprint of a study, so
stored studies can only be resumed if it does not change. Only docstrings and comments may be edited freely.
"""

__all__ = [
    "autoencoder",
    "conv_stack",
    "conv_stack_1d",
    "flower_cnn",
    "flower_cnn_published",
    "photo_cnn",
    "signal_cnn",
    "transfer",
    "wide_resnet",
]
