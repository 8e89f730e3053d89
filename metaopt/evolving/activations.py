"""Activations that a layer may change to while its network trains, by their names in Keras."""

HIDDEN = (
    *("elu", "selu", "relu", "relu6", "gelu", "silu"),
    *("hard_sigmoid", "hard_tanh", "tanh", "sigmoid", "soft_shrink"),
)
"""Activations of a hidden layer."""

# Those that an output may exchange: each row has one range of values. Any other output stays as it is, such as a
# softmax, whose values are probabilities, or a linear one, whose values have no bounds.
_OUTPUTS = (("sigmoid", "hard_sigmoid"), ("tanh", "hard_tanh"))


def find_options(activation: str, task: str | None) -> tuple[str, ...]:
    """Return the activations that a layer may have, its own first; only its own where no other fits.

    Args:
        activation: its activation.
        task: task of the output that it computes; None for a hidden layer.
    """
    if task is None:
        # A hidden layer that is linear is meant so: before a normalisation, say, or as a bottleneck.
        return (activation,) if activation == "linear" else tuple(dict.fromkeys((activation, *HIDDEN)))
    if task == "other":
        return (activation,)
    return next(
        ((activation, *(each for each in row if each != activation)) for row in _OUTPUTS if activation in row),
        (activation,),
    )
