"""Random generators as a function of (seed, trial, purpose, number).

They do not depend on the process or on earlier draws. A resumed search therefore has the same draws as an
uninterrupted one, and parallel trials do not affect each other.
"""

import zlib

import numpy as np


def make_generator(seed: int, trial: int, purpose: str, number: int = 0) -> np.random.Generator:
    """Return a new generator for one purpose of one trial.

    Args:
        seed: seed of the study, 0 or more.
        trial: number of the trial, 0 or more.
        purpose: purpose of the draws, e.g. ``"propose"`` or ``"order"``; each purpose has its own stream.
        number: number of the draw for this purpose, e.g. the epoch or the attempt, 0 or more.
    """
    return np.random.default_rng(np.random.SeedSequence([seed, trial, zlib.crc32(purpose.encode()), number]))


def make_fold_purpose(purpose: str, fold: int) -> str:
    """Return the purpose of draws in one fold of cross-validation. Fold 0 has the draws of a training without folds.

    Args:
        purpose: see ``make_generator``.
        fold: number of the fold, from 0.
    """
    return purpose if fold == 0 else f"{purpose} of fold {fold}"


def derive_seed(seed: int, trial: int, purpose: str, number: int = 0) -> int:
    """Return a seed in 0 .. 2**31 − 1 for libraries that need an integer, e.g. ``keras.utils.set_random_seed``.

    Args:
        seed: see ``make_generator``.
        trial: see ``make_generator``.
        purpose: see ``make_generator``.
        number: see ``make_generator``.
    """
    return int(make_generator(seed, trial, purpose, number).integers(2**31))
