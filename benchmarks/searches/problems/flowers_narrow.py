"""The networks of ``metaopt.zoo.flower_cnn``, narrow enough for one CPU core.

Its own ranges go up to 1,024 channels per layer, with which one training takes longer than a search of this benchmark.
"""

from math import log
from typing import Any

from hyperopt import hp

from benchmarks.peers.problems.ranges import log_integer
from metaopt.zoo.flower_cnn import MOST_LAYERS, network, training

__all__ = ["network", "space", "training"]


def _layers(kind: str, low: int, high: int) -> Any:
    """Return a choice of 1 to 3 layers with their widths."""
    widths = {f"n_channels_{kind}_{i}": log_integer(f"n_channels_{kind}_{i}", low, high) for i in range(MOST_LAYERS)}
    options = [{f"n_{kind}_layers": n, **dict(list(widths.items())[:n])} for n in range(1, MOST_LAYERS + 1)]
    return hp.choice(f"n_{kind}_layers", options)


space = {
    "learning_rate_init": hp.loguniform("learning_rate_init", log(1e-5), log(0.1)),
    "batch_size": log_integer("batch_size", 8, 128),
    "kernel_size": hp.choice("kernel_size", [3, 5, 7]),
    "use_BN": hp.choice("use_BN", [True, False]),
    "global_avg_pooling": hp.choice("global_avg_pooling", [True, False]),
    "dropout_rate": hp.loguniform("dropout_rate", log(0.01), log(0.5)),
    "conv": _layers("conv", 8, 64),
    "fc": _layers("fc", 8, 256),
}
