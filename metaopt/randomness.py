"""Randomness as a function of (seed, trial, purpose, number), never of the process or of what was drawn before.

A search that was killed and started again therefore draws what the uninterrupted one would have drawn, and trials that
run side by side do not disturb each other.
"""

import zlib

import numpy as np


def generator(seed: int, trial: int, purpose: str, number: int = 0) -> np.random.Generator:
    """A fresh generator for one purpose of one trial.

    Args:
        seed: the study's seed, 0 or more.
        trial: the trial's number, 0 or more.
        purpose: what is drawn, e.g. ``"propose"`` or ``"order"``; each purpose has a stream of its own.
        number: which draw of that purpose, e.g. the epoch or the attempt, 0 or more.
    """
    return np.random.default_rng(np.random.SeedSequence([seed, trial, zlib.crc32(purpose.encode()), number]))


def of_fold(purpose: str, fold: int) -> str:
    """The purpose's name in a fold of cross-validation; fold 0 draws as a training without folds does.

    Args:
        purpose: as for ``generator``.
        fold: from 0.
    """
    return purpose if fold == 0 else f"{purpose} of fold {fold}"


def integer(seed: int, trial: int, purpose: str, number: int = 0) -> int:
    """A seed in 0 .. 2**31 − 1 for a library that wants an integer, e.g. ``keras.utils.set_random_seed``."""
    return int(generator(seed, trial, purpose, number).integers(2**31))
