"""The search space: every hyperparameter that the search may change, and in which range. Edit it freely.

Each entry is a hyperopt expression. Its first argument is the label under which the search remembers what was tried;
no two expressions may have the same label. `neural_net.py` receives one value for each key below.

    hp.choice(label, [a, b, …])           one of the options; an option may hold further expressions
    hp.uniform(label, low, high)          any number in between
    hp.quniform(label, low, high, q)      the same, rounded to a multiple of q (a float: `round` it where it is used)
    hp.loguniform(label, low, high)       exp of a uniform number: low and high are the *logarithms* of the bounds

docs/spaces.md explains them all. A study belongs to its space: after an edit, search into another folder (--results).
"""

from hyperopt import hp

space = {
    # How it is trained.
    # A factor on the learning rate 0.001. Rates differ by factors, not by steps, hence the logarithmic scale:
    # exp(-0.5) to exp(0.5) is 0.61 to 1.65.
    "lr_rate_mult": hp.loguniform("lr_rate_mult", -0.5, 0.5),
    # A factor on the L2 penalty 0.0007 of every kernel: 0.27 to 3.67.
    "l2_weight_reg_mult": hp.loguniform("l2_weight_reg_mult", -1.3, 1.3),
    # Images per step. A batch larger than the training set is cut to it.
    "batch_size": hp.quniform("batch_size", 100, 700, 5),
    # The name of a Keras optimizer.
    "optimizer": hp.choice("optimizer", ["Adam", "Nadam", "RMSprop"]),
    # Weight of the coarse labels' loss beside the fine labels' 1. Does nothing where the data has one kind of label.
    "coarse_labels_weight": hp.uniform("coarse_labels_weight", 0.1, 0.7),
    # Share of activations that dropout sets to zero, after each stage of convolutions and after each dense layer.
    "conv_dropout_drop_proba": hp.uniform("conv_dropout_proba", 0.0, 0.35),
    "fc_dropout_drop_proba": hp.uniform("fc_dropout_proba", 0.0, 0.6),
    # How kernels are initialised. The first is Keras' default; the He ones are made for relu, lecun_normal for selu.
    "kernel_initializer": hp.choice(
        "kernel_initializer", ["glorot_uniform", "he_normal", "he_uniform", "lecun_normal"]
    ),
    # Batch normalisation, everywhere or only after residual blocks.
    "use_BN": hp.choice("use_BN", [False, True]),
    # What the network looks like.
    # An extra convolution of 16 filters before all stages: none, or with this kernel. The inner choice exists only
    # where the outer one picks it.
    "first_conv": hp.choice("first_conv", [None, hp.choice("first_conv_size", [3, 4])]),
    # Residual blocks in a stage: none, or 1 to 4. The bounds lie almost half a step further out, so that after
    # rounding 1 and 4 are as likely as 2 and 3.
    "residual": hp.choice("residual", [None, hp.quniform("residual_units", 1 - 0.499, 4 + 0.499, 1)]),
    # A factor on the 40 filters of the first stage; each stage has twice the filters of the one before.
    "conv_hiddn_units_mult": hp.loguniform("conv_hiddn_units_mult", -0.6, 0.6),
    # Stages of convolutions, each of which ends with pooling.
    "nb_conv_pool_layers": hp.choice("nb_conv_pool_layers", [2, 3]),
    # The first stage that has residual blocks, counted from 0.
    "conv_pool_res_start_idx": hp.quniform("conv_pool_res_start_idx", 0, 2, 1),
    # How a stage halves the image: maximum, average, a strided convolution, or three parallel ways side by side.
    "pooling_type": hp.choice("pooling_type", ["max", "avg", "all_conv", "inception"]),
    # Sides of the kernels, in the stages and in their residual blocks.
    "conv_kernel_size": hp.quniform("conv_kernel_size", 2, 4, 1),
    "res_conv_kernel_size": hp.quniform("res_conv_kernel_size", 2, 4, 1),
    # A factor on the 1000 units of the first dense layer.
    "fc_units_1_mult": hp.loguniform("fc_units_1_mult", -0.6, 0.6),
    # A second dense layer: none, or this factor on 750 units.
    "one_more_fc": hp.choice("one_more_fc", [None, hp.loguniform("fc_units_2_mult", -0.6, 0.6)]),
    # The activation after every convolution and dense layer that is not linear.
    "activation": hp.choice("activation", ["relu", "elu", "selu"]),
}

# What earlier records were trained with where they lack a key that was added since, for `python -m metaopt import`.
defaults = {"kernel_initializer": "glorot_uniform"}
