"""Search space: the hyperparameters of a search, and their ranges. Edit it freely.

Each entry is a hyperopt expression. Its first argument is the label under which the search stores its values; every
expression needs a label of its own. `neural_net.py` receives one value for each key below.

    hp.choice(label, [a, b, …])           one of the options; an option may contain further expressions
    hp.uniform(label, low, high)          a uniform number between low and high
    hp.quniform(label, low, high, q)      the same, rounded to a multiple of q (a float: `round` it where it is used)
    hp.loguniform(label, low, high)       exp of a uniform number: low and high are the *logarithms* of the bounds

docs/spaces.md explains all expressions. A study belongs to its space: after an edit, use another folder (--results).
"""

from hyperopt import hp

space = {
    # Training.
    # Factor on the learning rate 0.001, on a logarithmic scale: exp(-0.5) to exp(0.5) is 0.61 to 1.65.
    "lr_rate_mult": hp.loguniform("lr_rate_mult", -0.5, 0.5),
    # Factor on the L2 penalty 0.0007 of every kernel: 0.27 to 3.67.
    "l2_weight_reg_mult": hp.loguniform("l2_weight_reg_mult", -1.3, 1.3),
    # Images per step; at most the size of the training set.
    "batch_size": hp.quniform("batch_size", 100, 700, 5),
    # Keras optimizer.
    "optimizer": hp.choice("optimizer", ["Adam", "Nadam", "RMSprop"]),
    # Loss weight of the coarse labels; that of the fine labels is 1. No effect on data with one kind of label.
    "coarse_labels_weight": hp.uniform("coarse_labels_weight", 0.1, 0.7),
    # Dropout rate after each stage of convolutions, and after each dense layer.
    "conv_dropout_drop_proba": hp.uniform("conv_dropout_proba", 0.0, 0.35),
    "fc_dropout_drop_proba": hp.uniform("fc_dropout_proba", 0.0, 0.6),
    # Kernel initializer. glorot_uniform is Keras' default, the He ones are for relu, lecun_normal is for selu.
    "kernel_initializer": hp.choice(
        "kernel_initializer", ["glorot_uniform", "he_normal", "he_uniform", "lecun_normal"]
    ),
    # Batch normalisation: everywhere, or only after residual blocks.
    "use_BN": hp.choice("use_BN", [False, True]),
    # Architecture.
    # Extra convolution of 16 filters before all stages: none, or its kernel size. The inner choice is active only if
    # the outer one selects it.
    "first_conv": hp.choice("first_conv", [None, hp.choice("first_conv_size", [3, 4])]),
    # Residual blocks per stage: none, or 1 to 4. The bounds are almost half a step wider, so that after rounding 1 and
    # 4 are as likely as 2 and 3.
    "residual": hp.choice("residual", [None, hp.quniform("residual_units", 1 - 0.499, 4 + 0.499, 1)]),
    # Factor on the 40 filters of the first stage; each stage has twice the filters of the one before.
    "conv_hiddn_units_mult": hp.loguniform("conv_hiddn_units_mult", -0.6, 0.6),
    # Number of stages of convolutions; each ends with pooling.
    "nb_conv_pool_layers": hp.choice("nb_conv_pool_layers", [2, 3]),
    # First stage with residual blocks, counted from 0.
    "conv_pool_res_start_idx": hp.quniform("conv_pool_res_start_idx", 0, 2, 1),
    # Pooling at the end of a stage: maximum, average, a strided convolution, or three parallel branches.
    "pooling_type": hp.choice("pooling_type", ["max", "avg", "all_conv", "inception"]),
    # Kernel sizes in the stages, and in their residual blocks.
    "conv_kernel_size": hp.quniform("conv_kernel_size", 2, 4, 1),
    "res_conv_kernel_size": hp.quniform("res_conv_kernel_size", 2, 4, 1),
    # Factor on the 1000 units of the first dense layer.
    "fc_units_1_mult": hp.loguniform("fc_units_1_mult", -0.6, 0.6),
    # Second dense layer: none, or a factor on its 750 units.
    "one_more_fc": hp.choice("one_more_fc", [None, hp.loguniform("fc_units_2_mult", -0.6, 0.6)]),
    # Activation of all convolutions and dense layers that are not linear.
    "activation": hp.choice("activation", ["relu", "elu", "selu"]),
    # Between convolutions and dense layers: flatten, or average over all positions, whatever the size of the images.
    # Flattened images of 64×64 alone give the first dense layer a million parameters or more.
    "use_global_pooling": hp.choice("use_global_pooling", [False, True]),
}

# Values for records from before a key was added to the space, used by `python -m metaopt import`.
defaults = {"kernel_initializer": "glorot_uniform", "use_global_pooling": False}
