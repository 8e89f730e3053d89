"""Seeds of the global generators, for libraries that draw from them."""

import random

import numpy as np


def seed_generators(seed: int) -> None:
    """Seed the generators of Python, NumPy and PyTorch; each search has a process of its own."""
    import torch

    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 (these libraries draw from this generator)
    torch.manual_seed(seed)
