"""Stacks of one to four convolutional blocks for images of 8×8 pixels, in ranges that every library can express.

The networks are those of ``metaopt.zoo.conv_stack``. All options of a choice are equally likely, because not every
library has weights. The first option is the safe one: KerasTuner builds it before it searches.
"""

from math import log
from typing import Any

from hyperopt import hp
from hyperopt.pyll import as_apply

from metaopt.zoo.conv_stack import FITTED, network, training

__all__ = ["network", "space", "training"]

MAX_BLOCKS = 4
MAX_DENSE = 2


def _log_integer(label: str, low: int, high: int) -> Any:
    """Return an integer on a logarithmic scale; half a step is added at both bounds to make them equally likely."""
    return hp.qloguniform(label, log(low - 0.499), log(high + 0.499), 1)


def _block(name: str) -> Any:
    """Return the space of one block, as one node that all depths share."""
    block = {
        "channels": _log_integer(f"{name}_channels", 4, 48),
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


def _dense(name: str) -> Any:
    return as_apply(
        {
            "units": _log_integer(f"{name}_units", 8, 256),
            "batch_norm": hp.choice(f"{name}_batch_norm", [False, True]),
        }
    )


def _first(label: str, parts: list[Any]) -> Any:
    """Return one or more of the parts, the first ones."""
    return hp.choice(label, [parts[:count] for count in range(1, len(parts) + 1)])


space = {
    "learning_rate": hp.loguniform("learning_rate", log(1e-5), log(0.1)),
    "batch_size": _log_integer("batch_size", 8, 128),
    "optimizer": hp.choice("optimizer", ["Adam", "RMSprop", "SGD"]),
    "dropout_rate": hp.loguniform("dropout_rate", log(0.01), log(0.5)),
    "residual": hp.choice("residual", [False, True]),
    "blocks": _first("n_blocks", [_block(f"block_{number}") for number in range(MAX_BLOCKS)]),
    "dense": _first("n_dense", [_dense(f"dense_{number}") for number in range(MAX_DENSE)]),
}
