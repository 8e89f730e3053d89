"""Blueprints: framework-free descriptions of networks.

A blueprint gives shapes, parameters, multiply-accumulates, a structural hash, a drawing and the Keras model.

Examples:
    >>> from metaopt.blueprint import Blueprint, Conv2D, Dense, Flatten, Input
    >>> x = inputs = Input((32, 32, 3))
    >>> x = Conv2D(16, 3, padding="same", activation="relu")(x)
    >>> outputs = Dense(10, activation="softmax")(Flatten()(x))
    >>> Blueprint(inputs, {"label": outputs})
    <Blueprint of 4 nodes, 164,298 parameters, 606,208 MACs>
"""

from metaopt.blueprint.blueprint import DEFAULT_HEAD, Blueprint
from metaopt.blueprint.convolutions import Conv1D, Conv2D, Conv3D
from metaopt.blueprint.core import Activation, BatchNormalization, Dense, Dropout, Flatten, Input, Rescaling
from metaopt.blueprint.depthwise_convolutions import (
    DepthwiseConv1D,
    DepthwiseConv2D,
    SeparableConv1D,
    SeparableConv2D,
)
from metaopt.blueprint.errors import InvalidArchitecture
from metaopt.blueprint.layer import Layer, Node, Shape, layer_kinds, observe_layers, register_layer
from metaopt.blueprint.merging import Add, Concatenate
from metaopt.blueprint.pooling import (
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
    GlobalMaxPooling2D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
)
from metaopt.blueprint.resampling import (
    Cropping1D,
    Cropping2D,
    Cropping3D,
    Resizing,
    UpSampling1D,
    UpSampling2D,
    UpSampling3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)
from metaopt.blueprint.shake_regularization import ShakeDrop, ShakeShake
from metaopt.blueprint.structural_hash import HASH_VERSION

__all__ = [
    "DEFAULT_HEAD",
    "HASH_VERSION",
    "Activation",
    "Add",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "BatchNormalization",
    "Blueprint",
    "Concatenate",
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Dropout",
    "Flatten",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalMaxPooling2D",
    "Input",
    "InvalidArchitecture",
    "Layer",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "Node",
    "Rescaling",
    "Resizing",
    "SeparableConv1D",
    "SeparableConv2D",
    "ShakeDrop",
    "ShakeShake",
    "Shape",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
    "layer_kinds",
    "observe_layers",
    "register_layer",
]
