"""Stacks of one to six convolutional blocks for images of 8×8 pixels.

The networks are those of ``metaopt.zoo.conv_stack``, whose own ranges are for larger images: with its strides of up to
5, hardly any stack of more than three blocks is valid on 8×8 pixels. Here most blocks keep the size of their input.
"""

from math import log
from typing import Any

from hyperopt import hp
from hyperopt.pyll import as_apply

from metaopt.zoo.conv_stack import FITTED, network, training

__all__ = ["network", "space", "training"]

MAX_BLOCKS = 6
MAX_DENSE = 2


def _block(name: str) -> Any:
    """Return the space of one block, as one node that all depths share."""
    block = {
        "channels": _log_integer(f"{name}_channels", 3, 64),
        "kernel": hp.uniformint(f"{name}_kernel", 2.501, 5.499),
        "stride": hp.pchoice(f"{name}_stride", [(0.8, 1), (0.2, 2)]),
        "padding": FITTED,
        "pool": hp.pchoice(
            f"{name}_pool",
            [(0.7, None), (0.3, {"size": hp.uniformint(f"{name}_pool_size", 1.501, 3.499), "stride": 2})],
        ),
        "batch_norm": hp.choice(f"{name}_batch_norm", [False, True]),
        "skip": hp.pchoice(f"{name}_skip", [(0.6, 0), (0.2, 1), (0.2, 2)]),
    }
    return as_apply(block)


def _dense(name: str) -> Any:
    return as_apply(
        {
            "units": _log_integer(f"{name}_units", 8, 512),
            "batch_norm": hp.choice(f"{name}_batch_norm", [False, True]),
        }
    )


def _log_integer(label: str, low: int, high: int) -> Any:
    """Return an integer on a logarithmic scale; half a step is added at both bounds to make them equally likely."""
    return hp.qloguniform(label, log(low - 0.499), log(high + 0.499), 1)


def _first(label: str, parts: list[Any]) -> Any:
    """Return one or more of the parts, the first ones."""
    return hp.choice(label, [parts[:count] for count in range(1, len(parts) + 1)])


space = {
    "learning_rate": hp.loguniform("learning_rate", log(1e-5), log(0.1)),
    "batch_size": _log_integer("batch_size", 4, 128),
    "optimizer": hp.choice("optimizer", ["Adam", "RMSprop", "SGD"]),
    "dropout_rate": hp.loguniform("dropout_rate", log(0.01), log(0.5)),
    "residual": hp.choice("residual", [False, True]),
    "blocks": _first("n_blocks", [_block(f"block_{number}") for number in range(MAX_BLOCKS)]),
    "dense": _first("n_dense", [_dense(f"dense_{number}") for number in range(MAX_DENSE)]),
}
