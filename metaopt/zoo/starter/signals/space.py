"""Search space: the hyperparameters that a search may choose, and their ranges. Edit it together with neural_net.py.

Each entry is a hyperopt expression. Its first argument is a label, which no other expression may have.

    hp.choice(label, [a, b, …])            one of the options; an option may hold further expressions
    hp.uniform(label, low, high)           a number between low and high
    hp.uniformint(label, low, high)        an integer between low and high, both included
    hp.loguniform(label, log(low), log(high))          a number on a logarithmic scale
    hp.qloguniform(label, log(low), log(high), 1)      the same, rounded to a multiple of 1: round() it in the network
"""

from math import log

from hyperopt import hp

space = {
    # Training. neural_net.training reads these.
    "learning_rate": hp.loguniform("learning_rate", log(1e-4), log(1e-2)),
    "batch_size": hp.qloguniform("batch_size", log(16), log(128), 1),
    "weight_decay": hp.loguniform("weight_decay", log(1e-5), log(1e-1)),
    "label_smoothing": hp.uniform("label_smoothing", 0.0, 0.2),
    # Architecture. neural_net.network reads these.
    "stages": hp.uniformint("stages", 1, 4),  # each quarters the length
    "convolutions": hp.uniformint("convolutions", 1, 3),  # in each stage
    "filters": hp.qloguniform("filters", log(8), log(64), 1),  # of the first stage; each further one has twice as many
    "kernel": hp.choice("kernel", [3, 5, 9, 17]),
    "pooling": hp.choice("pooling", ["max", "average"]),
    # A nested choice: units and rate are drawn only where there is a dense layer.
    "dense": hp.choice(
        "dense",
        [
            None,
            {"units": hp.qloguniform("units", log(32), log(256), 1), "dropout": hp.uniform("dense_dropout", 0.0, 0.5)},
        ],
    ),
    "dropout": hp.uniform("dropout", 0.0, 0.5),
}

# The point that you would try yourself. A search tries it first.
default = {
    "learning_rate": 1e-3,
    "batch_size": 32,
    "weight_decay": 1e-4,
    "label_smoothing": 0.0,
    "stages": 3,
    "convolutions": 2,
    "filters": 16,
    "kernel": 9,
    "pooling": "max",
    "dense": None,
    "dropout": 0.2,
}
