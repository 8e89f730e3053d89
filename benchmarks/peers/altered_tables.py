"""Altered copies of tables, so that no method is tuned to the luck or the shape of a single one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from benchmarks.peers.curves import Floats, Network
from benchmarks.peers.tables import Table
from metaopt.spaces import Vals, compile_space

_NEIGHBOURS = 8  # that predict a network's rank
_GROUP = 24  # networks of similar predicted rank, which exchange their luck


def redraw_winners(table: Table, seed: int) -> Table:
    """Return a copy in which other networks are the lucky ones.

    The rank of a network's final validation error is the mean rank of its 8 nearest networks plus a remainder, which is
    its own quality and its luck. Networks of similar predicted rank exchange these remainders and are ranked anew. The
    network that is now in place k gets the validation and training curves of the one that was in place k. All errors of
    the table stay, and so do the effects of the parameters; which networks are best is drawn again. Test accuracies and
    costs stay with their networks, so a held-out error judges the quality and not the new luck.

    Args:
        table: the table.
        seed: of the exchange.
    """
    order = np.argsort(table.final_errors, kind="stable")
    predicted, remainders = _predict_ranks(table)
    places = np.argsort(predicted + remainders[_exchange(predicted, seed)], kind="stable")
    networks = list(table.networks)
    for network, giver in zip(places, order, strict=True):
        networks[network] = _with_curves(table.networks[network], table.networks[giver])
    return replace(table, name=f"{table.name}, winners redrawn", networks=tuple(networks))


def _predict_ranks(table: Table) -> tuple[Floats, Floats]:
    """Return the mean rank of the nearest other networks, and what it differs by from the own rank, each ``(n,)``."""
    ranks = rankdata(table.final_errors)
    predicted = np.empty(len(ranks))
    for number, network in enumerate(table.networks):
        distances = table.distances.to(network.vals)
        distances[number] = np.inf
        predicted[number] = ranks[np.argsort(distances, kind="stable")[:_NEIGHBOURS]].mean()
    return predicted, ranks - predicted


def _exchange(predicted: Floats, seed: int) -> npt.NDArray[np.int_]:
    """Return whose remainder each network gets, another one's unless it is alone in its group, ``(n,)``."""
    rng = np.random.default_rng(seed)
    order = np.argsort(predicted, kind="stable")
    source = np.arange(len(order))
    for start in range(0, len(order), _GROUP):
        shuffled = rng.permutation(order[start : start + _GROUP])
        source[shuffled] = np.roll(shuffled, 1)  # one cycle
    return source


def _with_curves(network: Network, giver: Network) -> Network:
    """Return a network with the curves that a search sees of another one; its costs and held-out errors stay."""
    curves = replace(
        network.curves,
        val_accuracy=giver.curves.val_accuracy,
        val_loss=giver.curves.val_loss,
        train_loss=giver.curves.train_loss,
        test_accuracy=np.mean([each.test_accuracy for each in network.replicates], axis=0),
    )
    return replace(network, replicates=(curves,))


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
