"""Changes of a configuration: in words, and combined by crossover."""

from collections.abc import Iterable

from metaopt.evolving.hyperparameters import LEARNING_RATE, MOMENTUM, OPTIMIZER, Configuration, Value
from metaopt.evolving.network import Network

UNCHANGED = "unchanged"
_SAME_FOR_ALL = (OPTIMIZER, LEARNING_RATE, MOMENTUM)  # a learning rate is one of its optimizer


def describe_change(network: Network, before: Configuration, after: Configuration) -> str:
    """Return what differs, in words: "optimizer SGD → Adam, learning rate 1e-05 → 0.001"; "unchanged" if nothing."""
    changed = [each for each in network.hyperparameters if before[each.label] != after[each.label]]
    words = [f"{each.name} {_shown(before[each.label])} → {_shown(after[each.label])}" for each in changed]
    return ", ".join(words) or UNCHANGED


def combine(parent: Configuration, fittest: Configuration, second: Configuration) -> dict[str, Value]:
    """Return the parent's configuration with the changes of two members; of the same hyperparameter, the fittest's.

    An optimizer comes with its learning rate and momentum.
    """
    child = dict(parent)
    for member, other in ((second, fittest), (fittest, second)):
        changed = {label for label in member if member[label] != parent[label]}
        if OPTIMIZER in changed:
            changed |= set(_SAME_FOR_ALL) & parent.keys()
        elif member is fittest and other.get(OPTIMIZER) != parent.get(OPTIMIZER):
            changed -= set(_SAME_FOR_ALL)
        child |= {label: member[label] for label in changed}
    return child


def _shown(value: Value) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"


def is_new(configuration: Configuration, others: Iterable[Configuration]) -> bool:
    """Return whether a configuration differs from all others."""
    return all(dict(configuration) != dict(other) for other in others)
