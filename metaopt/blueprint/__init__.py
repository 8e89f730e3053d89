"""Blueprints: framework-free descriptions of networks.

A blueprint gives shapes, parameters, multiply-accumulates, a structural hash, a drawing and the Keras model.

>>> from metaopt.blueprint import Blueprint, Conv2D, Dense, Flatten, Input
>>> x = inputs = Input((32, 32, 3))
>>> x = Conv2D(16, 3, padding="same", activation="relu")(x)
>>> outputs = Dense(10, activation="softmax")(Flatten()(x))
>>> Blueprint(inputs, {"label": outputs})
<Blueprint of 4 nodes, 164,298 parameters, 606,208 MACs>
"""

from metaopt.blueprint.blueprint import DEFAULT_HEAD, Blueprint
from metaopt.blueprint.convolutions import Conv2D, DepthwiseConv2D, SeparableConv2D
from metaopt.blueprint.core import (
    Activation,
    BatchNormalization,
    Dense,
    Dropout,
    Flatten,
    Input,
    Rescaling,
    ZeroPadding2D,
)
from metaopt.blueprint.errors import InvalidArchitecture
from metaopt.blueprint.layer import Layer, Node, Shape, layer_kinds, observe_layers, register_layer
from metaopt.blueprint.merging import Add, Concatenate
from metaopt.blueprint.pooling import AveragePooling2D, GlobalAveragePooling2D, MaxPooling2D
from metaopt.blueprint.resampling import Cropping2D, UpSampling2D
from metaopt.blueprint.shake_regularization import ShakeDrop, ShakeShake
from metaopt.blueprint.structural_hash import HASH_VERSION

__all__ = [
    "DEFAULT_HEAD",
    "HASH_VERSION",
    "Activation",
    "Add",
    "AveragePooling2D",
    "BatchNormalization",
    "Blueprint",
    "Concatenate",
    "Conv2D",
    "Cropping2D",
    "Dense",
    "DepthwiseConv2D",
    "Dropout",
    "Flatten",
    "GlobalAveragePooling2D",
    "Input",
    "InvalidArchitecture",
    "Layer",
    "MaxPooling2D",
    "Node",
    "Rescaling",
    "SeparableConv2D",
    "ShakeDrop",
    "ShakeShake",
    "Shape",
    "UpSampling2D",
    "ZeroPadding2D",
    "layer_kinds",
    "observe_layers",
    "register_layer",
]
