"""Altered copies of tables, so that no method is tuned to the luck or the shape of a single one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.peers.curves import Floats
from benchmarks.peers.tables import Table
from metaopt.spaces import Vals, compile_space

_NEIGHBOURS = 8  # that predict a network's curves
_GROUP = 24  # networks of similar predicted error, which exchange their luck
_LEAST_LOSS = 1e-4


def redraw_winners(table: Table, seed: int) -> Table:
    """Return a copy in which other networks are the lucky ones.

    A network's validation accuracy is the mean of its 8 nearest networks plus a remainder, which is its own quality and
    its luck. Networks of similar predicted error exchange these remainders, epoch by epoch, and those of the logarithm
    of the validation loss with them. The effects of the parameters stay; which networks are best is drawn again. Test
    accuracies stay with their networks, so a held-out error judges the quality and not the new luck.

    Args:
        table: the table.
        seed: of the exchange.
    """
    predicted = _predict(table)
    order = np.argsort([accuracy.max() for accuracy, _ in predicted], kind="stable")
    rng = np.random.default_rng(seed)
    source = np.arange(len(order))
    for start in range(0, len(order), _GROUP):
        group = order[start : start + _GROUP]
        shuffled = rng.permutation(group)
        source[shuffled] = np.roll(shuffled, 1)  # one cycle, so every network has the remainder of another one
    networks = []
    for number, network in enumerate(table.networks):
        giver = table.networks[source[number]]
        accuracy, loss = predicted[number]
        giver_accuracy, giver_loss = predicted[source[number]]
        new_accuracy = np.clip(accuracy + giver.curves.val_accuracy - giver_accuracy, 0, 1)
        new_loss = np.exp(loss + _log(giver.curves.val_loss) - giver_loss)
        first = replace(network.curves, val_accuracy=new_accuracy, val_loss=new_loss)
        networks.append(replace(network, replicates=(first, *network.replicates[1:])))
    return replace(table, name=f"{table.name}, winners redrawn", networks=tuple(networks))


def restrict_range(table: Table, name: str, expression: Any, change: Callable[[Vals], Vals | None]) -> Table:
    """Return a copy on a smaller space, e.g. without the lowest learning rates, so that the best ones are at the edge.

    Args:
        table: the table.
        name: added to the name of the table.
        expression: the smaller space.
        change: returns the draw of a network in the smaller space, or None where it is outside.
    """
    space = compile_space(expression)
    networks = []
    for network in table.networks:
        vals = change(network.vals)
        if vals is not None:
            networks.append(replace(network, vals=space.restrict(vals)))
    default = None if table.default is None else change(table.default)
    return Table(f"{table.name}, {name}", expression, tuple(networks), table.complete, default)


def _predict(table: Table) -> list[tuple[Floats, Floats]]:
    """Return the mean accuracies and log losses of the nearest other networks, each ``(R,)``."""
    accuracy = np.array([network.curves.val_accuracy for network in table.networks])
    loss = np.array([_log(network.curves.val_loss) for network in table.networks])
    found = []
    for number, network in enumerate(table.networks):
        distances = table.distances.to(network.vals)
        distances[number] = np.inf
        nearest = np.argsort(distances, kind="stable")[:_NEIGHBOURS]
        found.append((accuracy[nearest].mean(axis=0), loss[nearest].mean(axis=0)))
    return found


def _log(loss: Floats) -> Floats:
    return np.log(np.maximum(loss, _LEAST_LOSS))
