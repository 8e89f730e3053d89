"""Problem of gpu.py: the reference network at one point; trials differ in the learning rate only."""

import sys
from pathlib import Path
from typing import Any

from hyperopt import hp

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import neural_net

BATCH_SIZE = 250
POINT = {
    "lr_rate_mult": 1.0,
    "l2_weight_reg_mult": 1.0,
    "batch_size": BATCH_SIZE,
    "optimizer": "Adam",
    "coarse_labels_weight": 0.1,
    "conv_dropout_drop_proba": 0.2,
    "fc_dropout_drop_proba": 0.3,
    "kernel_initializer": "glorot_uniform",
    "use_BN": True,
    "first_conv": None,
    "residual": None,
    "conv_hiddn_units_mult": 1.0,
    "nb_conv_pool_layers": 3,
    "conv_pool_res_start_idx": 0,
    "pooling_type": "max",
    "conv_kernel_size": 3,
    "res_conv_kernel_size": 3,
    "fc_units_1_mult": 1.0,
    "one_more_fc": None,
    "activation": "relu",
    "use_global_pooling": False,
}

space = {"lr_rate_mult": hp.loguniform("lr_rate_mult", -0.5, 0.5)}


def network(point: dict[str, Any], input_shape: tuple[int, ...], classes: dict[str, int]) -> Any:
    """Return the reference network."""
    return neural_net.network({**POINT, **point}, input_shape, classes)


def training(point: dict[str, Any]) -> Any:
    """Return its training configuration."""
    return neural_net.training({**POINT, **point})
