"""Mutations: functions that change one thing in a configuration, and their registry.

A mutation of one's own is a function with a decorator::

    from metaopt.evolving import mutation

    @mutation("halve the learning rate")
    def halve(network, configuration, rng):
        return {**configuration, "learning_rate": configuration["learning_rate"] / 2}
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from metaopt.errors import UserError, hint
from metaopt.evolving.changes import is_new
from metaopt.evolving.hyperparameters import Configuration, Value
from metaopt.evolving.network import Network
from metaopt.values.safe_text import class_name

Change = Callable[[Network, Configuration, np.random.Generator], "Configuration | None"]
"""``change(network, configuration, rng)`` returns a changed copy; None where the network has nothing to change."""

_DRAWS = 50  # until a member differs from all others of its population


@dataclass(frozen=True)
class Mutation:
    """A kind of change.

    Attributes:
        name: its name.
        change: makes the change.
    """

    name: str
    change: Change


MUTATIONS: dict[str, Mutation] = {}
"""Name → mutation, in the order of registration."""


def mutation(name: str) -> Callable[[Change], Change]:
    """Return a decorator that registers a function as a mutation; one of the same name is replaced.

    Args:
        name: its name, e.g. ``"batch size"``.
    """

    def register(change: Change) -> Change:
        MUTATIONS[name] = Mutation(name, change)
        return change

    return register


def find_mutations(names: Iterable[str | Change] | None) -> tuple[Mutation, ...]:
    """Return mutations by their names; None for all that are registered. A function is a mutation of its own.

    Raises:
        UserError: A name is unknown, none is given, or one is neither a name nor a function.
    """
    if names is None:
        return tuple(MUTATIONS.values())
    found = [_find(each) for each in ([names] if isinstance(names, str) else names)]
    if not found:
        raise UserError(f"No mutation was given. Expected at least one of {', '.join(MUTATIONS)}.", "mutations")
    return tuple(found)


def _find(given: str | Change) -> Mutation:
    if isinstance(given, str):
        if given not in MUTATIONS:
            raise UserError(f"Unknown mutation: {given}. {hint(given, MUTATIONS)}", "mutations")
        return MUTATIONS[given]
    if not callable(given):
        raise UserError(
            f"Invalid mutation: {class_name(given)}. Expected a name or a function (network, configuration, rng).",
            "mutations",
        )
    known = next((each for each in MUTATIONS.values() if each.change is given), None)
    return known or Mutation(getattr(given, "__name__", class_name(given)), given)


def mutate(
    network: Network,
    configuration: Configuration,
    others: Sequence[Configuration],
    mutations: Sequence[Mutation],
    rng: np.random.Generator,
) -> dict[str, Value]:
    """Return a configuration with one change that no other member of the population has.

    Args:
        network: the network.
        configuration: the configuration of the network that is copied.
        others: configurations of the members so far.
        mutations: the first one is made if the network has something to change by it; otherwise one is drawn, each
            with the same probability.
        rng: source of randomness.

    Returns:
        The configuration itself where no mutation changes it.

    Raises:
        UserError: A mutation returned a configuration that the network cannot have.
    """
    applicable = list(mutations)
    repeated: dict[str, Value] = dict(configuration)
    for attempt in range(_DRAWS):
        if not applicable:
            break
        drawn = applicable[int(rng.integers(len(applicable))) if attempt else 0]
        changed = drawn.change(network, dict(configuration), rng)
        if changed is None:
            applicable.remove(drawn)
            continue
        _check(network, drawn, changed)
        if dict(changed) == dict(configuration):
            continue
        if is_new(changed, others):
            return dict(changed)
        repeated = dict(changed)
    return repeated


def _check(network: Network, drawn: Mutation, changed: Any) -> None:
    """Check what a mutation returned.

    Raises:
        UserError: It is no configuration of the network.
    """
    if not isinstance(changed, Mapping):
        raise UserError(
            f"The mutation {drawn.name} returned {class_name(changed)}. Expected the changed configuration, a dict, or"
            " None.",
            "mutations",
        )
    try:
        network.vals(changed)
    except ValueError as error:
        raise UserError(
            f"The mutation {drawn.name} returned an invalid configuration: {error}.", "mutations"
        ) from error
