"""Network and training configuration for a point of the search space in space.py. Edit both files together.

`network` describes a network layer by layer, with Keras' names and arguments, but without Keras. The search computes
its shapes, parameters and multiply-accumulates in less than a millisecond and rejects invalid networks before training.
The worker that trains it builds the Keras model from the same description. docs/blueprint.md lists the layers and shows
how to add one.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from metaopt.blueprint import (
    Add,
    AveragePooling2D,
    BatchNormalization,
    Blueprint,
    Concatenate,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    Input,
    MaxPooling2D,
    Node,
)
from metaopt.problems import Training

Point = Mapping[str, Any]

# The running statistics average over about ten steps. Keras' default of 0.99 needs more steps than a search may train.
BN_MOMENTUM = 0.9


def network(point: Point, input_shape: tuple[int, ...], classes: Mapping[str, int]) -> Blueprint:
    """Return the network of a point.

    Args:
        point: hyperparameters, one value for each key of the space.
        input_shape: (height, width, channels) of the images. Their values are scaled to [−0.5, 0.5].
        classes: head → number of classes, e.g. ``{"fine": 100, "coarse": 20}``.

    Raises:
        InvalidArchitecture: The network is too deep for images of this size.
    """
    # Arguments of all layers with a kernel.
    settings = {
        "kernel_initializer": point.get("kernel_initializer", "glorot_uniform"),
        "kernel_regularizer": 0.0007 * point["l2_weight_reg_mult"],
    }
    conv = partial(Conv2D, padding="same", activation=point["activation"], **settings)
    linear_conv = partial(Conv2D, padding="same", **settings)
    dense = partial(Dense, **settings)

    x = inputs = Input(input_shape)
    if point["first_conv"] is not None:
        x = conv(16, point["first_conv"])(x)

    filters = int(40 * point["conv_hiddn_units_mult"])
    for stage in range(point["nb_conv_pool_layers"]):
        x = conv(filters, round(point["conv_kernel_size"]))(x)
        if point["use_BN"]:
            x = BatchNormalization(momentum=BN_MOMENTUM)(x)
        if point["residual"] is not None and stage >= round(point["conv_pool_res_start_idx"]):
            x = residual_blocks(x, point, filters, conv, linear_conv)
        x = pool(x, point, filters, conv, linear_conv)
        x = Dropout(point["conv_dropout_drop_proba"])(x)
        filters *= 2

    x = GlobalAveragePooling2D()(x) if point.get("use_global_pooling", False) else Flatten()(x)
    x = dense(int(1000 * point["fc_units_1_mult"]), activation=point["activation"])(x)
    x = Dropout(point["fc_dropout_drop_proba"])(x)
    if point["one_more_fc"] is not None:
        x = dense(int(750 * point["one_more_fc"]), activation=point["activation"])(x)
        x = Dropout(point["fc_dropout_drop_proba"])(x)
    return Blueprint(inputs, {head: dense(n, activation="softmax")(x) for head, n in classes.items()})


def residual_blocks(x: Node, point: Point, filters: int, conv: Callable, linear_conv: Callable) -> Node:
    """Add residual blocks: a convolution, plus a linear 1×1 convolution of the block's input."""
    for _ in range(round(point["residual"])):
        passed = Dropout(point["conv_dropout_drop_proba"])(x)
        x = Add()([linear_conv(filters, 1)(x), conv(filters, round(point["res_conv_kernel_size"]))(passed)])
        if point["use_BN"]:
            x = BatchNormalization(momentum=BN_MOMENTUM)(x)
    if not point["use_BN"]:
        x = BatchNormalization(momentum=BN_MOMENTUM)(x)
    return BatchNormalization(momentum=BN_MOMENTUM)(x)


def pool(x: Node, point: Point, filters: int, conv: Callable, linear_conv: Callable) -> Node:
    """Halve height and width with one of four kinds of pooling."""

    def strided(x: Node, filters: int) -> Node:
        """Return a strided convolution, in place of pooling (Springenberg et al. 2015, arXiv:1412.6806)."""
        x = linear_conv(filters, 3, strides=2)(x)
        return BatchNormalization(momentum=BN_MOMENTUM)(x) if point["use_BN"] else x

    match point["pooling_type"]:
        case "max":
            return MaxPooling2D(2)(x)
        case "avg":
            return AveragePooling2D(2)(x)
        case "all_conv":
            return strided(x, filters)
        case "inception":  # three parallel branches (Szegedy et al. 2015, arXiv:1512.00567, section 5)
            reduced, kept = int(0.33 * filters + 1), int(0.4 * filters + 1)
            deep = strided(conv(kept, 3)(conv(reduced, 1)(x)), kept)
            pooled = MaxPooling2D(3, strides=2, padding="same")(conv(kept, 1)(x))
            return Concatenate()([strided(x, kept), deep, pooled])
        case other:
            raise ValueError(f"pooling_type {other!r} is unknown: neural_net.pool knows max, avg, all_conv, inception")


def training(point: Point) -> Training:
    """Return the training configuration of a point."""
    return Training(
        optimizer=point["optimizer"],
        learning_rate=0.001 * point["lr_rate_mult"],
        batch_size=int(point["batch_size"]),
        # The loss of the first head (the fine labels) has weight 1.
        loss_weights={"coarse": point["coarse_labels_weight"]},
    )


def build_model(point: Point, input_shape: tuple[int, ...], classes: Mapping[str, int]) -> Any:
    """Return the compiled ``keras.Model`` of a point."""
    from metaopt.training import compile_model

    return compile_model(network(point, input_shape, classes).to_keras(), training(point), classes)


def build_and_train(point: Point, data: Any, *, epochs: int, checkpoint: str | None = None, run: Any = None) -> dict:
    """Train the network of a point on a data set and return its record. A worker calls this function."""
    from metaopt.problems import Problem
    from metaopt.training import build_and_train

    problem = Problem(space=None, network=network, training=training)
    return build_and_train(problem, point, data, epochs=epochs, checkpoint=checkpoint, run=run)
