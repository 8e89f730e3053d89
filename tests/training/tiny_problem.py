"""Problem that trains fast: a convolution, batch normalisation, dropout, L2."""

from hyperopt import hp

from metaopt.blueprint import BatchNormalization, Blueprint, Conv2D, Dense, Dropout, Flatten, Input
from metaopt.problems.training_config import Training

space = {"filters": hp.choice("filters", [2, 4])}


def network(point, input_shape, classes):
    x = inputs = Input(input_shape)
    x = Conv2D(point.get("filters", 4), 3, activation="relu", kernel_regularizer=0.01)(x)
    x = BatchNormalization()(x)
    x = Dropout(0.3)(Flatten()(x))
    return Blueprint(inputs, {head: Dense(n, activation="softmax")(x) for head, n in classes.items()})


def training(point):
    return Training(
        point.get("optimizer", "Adam"), point.get("learning_rate", 0.01), batch_size=50, loss_weights={"coarse": 0.3}
    )
