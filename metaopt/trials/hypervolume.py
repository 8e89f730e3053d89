"""Hypervolume of results under several objectives, computed by moocore."""

import numpy as np


def compute_hypervolume(values: np.ndarray, reference: np.ndarray) -> float:
    """Return the volume that results dominate, up to a reference point.

    Fonseca, Paquete, López-Ibáñez 2006: An improved dimension-sweep algorithm for the hypervolume indicator,
    doi:10.1109/CEC.2006.1688440, as moocore implements it.

    Args:
        values: finite losses, (n, m).
        reference: the reference point, (m,); results that are not better in each objective count nothing.
    """
    import moocore  # needed under several objectives only, and slow to import

    if not len(values):
        return 0.0
    return float(moocore.hypervolume(values, ref=reference))
