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
    "weight_decay": hp.loguniform("weight_decay", log(1e-6), log(1e-2)),
    # Architecture. neural_net.network reads these.
    "stages": hp.uniformint("stages", 1, 3),  # each halves height and width, and the decoder doubles them again
    "convolutions": hp.uniformint("convolutions", 1, 3),  # in each stage
    "filters": hp.qloguniform("filters", log(8), log(48), 1),  # of the first stage; each further one has twice as many
    "kernel": hp.choice("kernel", [3, 5]),
    # Connections from the encoder to the decoder (U-Net), through which details pass.
    "skips": hp.choice("skips", [True, False]),
    "dropout": hp.uniform("dropout", 0.0, 0.3),  # between encoder and decoder
}

# The point that you would try yourself. A search tries it first.
default = {
    "learning_rate": 1e-3,
    "batch_size": 32,
    "weight_decay": 1e-5,
    "stages": 2,
    "convolutions": 2,
    "filters": 16,
    "kernel": 3,
    "skips": True,
    "dropout": 0.0,
}
