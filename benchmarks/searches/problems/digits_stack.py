"""Stacks of one to four convolutional blocks for images of 8×8 pixels, in ranges that every library can express.

The networks are those of ``metaopt.zoo.conv_stack``. All options of a choice are equally likely, because not every
library has weights. The first option is the safe one: KerasTuner builds it before it searches.
"""

from math import log
from typing import Any

from hyperopt import hp
from hyperopt.pyll import as_apply

from benchmarks.peers.problems.ranges import dense, first_parts, log_integer
from metaopt.zoo.conv_stack import FITTED, network, training

__all__ = ["network", "space", "training"]

MAX_BLOCKS = 4
MAX_DENSE = 2


def _block(name: str) -> Any:
    """Return the space of one block, as one node that all depths share."""
    block = {
        "channels": log_integer(f"{name}_channels", 4, 48),
        "kernel": hp.uniformint(f"{name}_kernel", 2.501, 5.499),
        "stride": hp.choice(f"{name}_stride", [1, 2]),
        "padding": FITTED,
        "pool": hp.choice(
            f"{name}_pool", [None, {"size": hp.uniformint(f"{name}_pool_size", 1.501, 3.499), "stride": 2}]
        ),
        "batch_norm": hp.choice(f"{name}_batch_norm", [False, True]),
        "skip": hp.choice(f"{name}_skip", [0, 1, 2]),
    }
    return as_apply(block)


space = {
    "learning_rate": hp.loguniform("learning_rate", log(1e-5), log(0.1)),
    "batch_size": log_integer("batch_size", 8, 128),
    "optimizer": hp.choice("optimizer", ["Adam", "RMSprop", "SGD"]),
    "dropout_rate": hp.loguniform("dropout_rate", log(0.01), log(0.5)),
    "residual": hp.choice("residual", [False, True]),
    "blocks": first_parts("n_blocks", [_block(f"block_{number}") for number in range(MAX_BLOCKS)]),
    "dense": first_parts("n_dense", [dense(f"dense_{number}", 8, 256) for number in range(MAX_DENSE)]),
}
