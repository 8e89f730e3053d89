"""Optimizers that a network may change to while it trains: rates to begin with, and slots that they share."""

ADAM, ADAMW, NADAM, RMSPROP, SGD, ADADELTA, LION = "Adam", "AdamW", "Nadam", "RMSprop", "SGD", "Adadelta", "Lion"

# Learning rate with which each begins: the default of Keras, but 1 for Adadelta as in the publication (Zeiler 2012,
# arXiv:1212.5701), and a third of that of AdamW for Lion, as its authors advise (Chen et al. 2023, arXiv:2302.06675).
RATES = {SGD: 0.01, ADAM: 0.001, ADAMW: 0.001, NADAM: 0.001, RMSPROP: 0.001, ADADELTA: 1.0, LION: 0.0003}

SGD_MOMENTUM = 0.9
ADAMW_DECAY = 0.004  # the default of Keras

# Slot of a weight → what it holds. Optimizers share the state of slots that hold the same.
_MEAN, _SQUARE = "mean of gradients", "mean of squared gradients"
SLOTS: dict[str, dict[str, str]] = {
    ADAM: {"momentum": _MEAN, "velocity": _SQUARE},
    ADAMW: {"momentum": _MEAN, "velocity": _SQUARE},
    NADAM: {"momentum": _MEAN, "velocity": _SQUARE},
    RMSPROP: {"velocity": _SQUARE},
    LION: {"momentum": _MEAN},
    SGD: {"momentum": "sum of steps"},  # of the opposite sign, and scaled by the learning rate
    ADADELTA: {"accumulated_grad": _SQUARE, "accumulated_delta_var": "mean of squared steps"},
}


def find_shared_slots(before: str, after: str) -> dict[str, str] | None:
    """Return slot of an optimizer → slot of the one before that holds the same.

    Args:
        before: name of the optimizer so far.
        after: name of the new one.

    Returns:
        None if the new one has a slot that the other lacks: it then begins anew, since bias correction would enlarge
        the first steps of a state of which a part is zero.
    """
    held = {meaning: slot for slot, meaning in SLOTS.get(before, {}).items()}
    wanted = SLOTS.get(after, {})
    if not wanted or not set(wanted.values()) <= held.keys():
        return None
    return {slot: held[meaning] for slot, meaning in wanted.items()}
