"""Augmentation of training batches by the settings of a trial: fixed, or by a policy with strengths.

Everything is drawn from generators that the caller makes, outside of the model: the same batches are drawn after a
resume, on every backend, and for a picture of them.
"""

from metaopt.data.augmentation.batch import BatchAugmentation

__all__ = ["BatchAugmentation"]
