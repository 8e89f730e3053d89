"""Adapters between the samplers of metaopt and hyperopt, in both directions.

``ask`` calls an algorithm of hyperopt with a metaopt history. ``suggest`` makes a metaopt sampler an algorithm for
``hyperopt.fmin``.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from hyperopt.base import JOB_STATE_DONE, STATUS_OK, Domain, Trials, trials_from_docs
from hyperopt.pyll import as_apply, scope
from hyperopt.pyll.base import Apply

from metaopt.samplers._base import History, Sampler
from metaopt.samplers._documents import DocumentReader
from metaopt.spaces import Parameter, Space, Vals, compile_space
from metaopt.spaces.nodes import Choice, Node, Value, get_children, sort_topologically

# hyperopt lists every value of a randint. Wider ranges are modelled as integers with an order, as uniformint is, at a
# cost that does not depend on the range.
_MAX_COUNTED_VALUES = 2**16

# suggest(new_ids, domain, trials, seed) -> trial documents
Algorithm = Callable[[list[int], Domain, Trials, int], list[dict[str, Any]]]


def ask(algorithm: Algorithm, space: Space, ranked: Sequence[tuple[int, Vals]], rng: np.random.Generator) -> Vals:
    """Return the proposal of an algorithm of hyperopt.

    The algorithms use only the order of the losses, so the loss of each trial is its rank. Infeasible trials can
    therefore rank behind feasible ones, and ties do not depend on the sorting of the platform.

    Args:
        algorithm: an algorithm, e.g. ``hyperopt.anneal.suggest``.
        space: a space with at least one parameter.
        ranked: trials as (number, values), best first.
        rng: one seed is drawn from it.
    """
    docs = [
        _make_document(tid, space, vals, {"status": STATUS_OK, "loss": float(rank)})
        for tid, (rank, vals) in enumerate(_sort_by_number(ranked))
    ]
    trials = trials_from_docs(docs, validate=False)
    (proposed,) = algorithm([len(docs)], _make_domain(space), trials, _draw_seed(rng))
    return _within_bounds(space, {label: value[0] for label, value in proposed["misc"]["vals"].items() if len(value)})


def _is_wide(parameter: Parameter) -> bool:
    """Return whether a randint has too many values for hyperopt to count."""
    return parameter.kind == "randint" and parameter.args[1] - parameter.args[0] > _MAX_COUNTED_VALUES


def _has_negligible_step(parameter: Parameter) -> bool:
    """Return whether a step is finer than the numbers of the computer, so that a value divided by it may overflow."""
    step, largest = parameter.distribution.step, max(map(abs, parameter.distribution.bounds))
    return step is not None and math.isfinite(largest) and step < largest * 2.0**-53


def _within_bounds(space: Space, proposed: dict[str, Any]) -> Vals:
    """Return proposed values as draws; a wide integer that was rounded beyond a bound is moved to it."""
    for label in proposed:
        if _is_wide(space.by_label[label]):
            low, high = (int(bound) for bound in space.by_label[label].args)
            proposed[label] = min(max(int(proposed[label]), low), high - 1)
    return space.restrict(proposed)


def _sort_by_number(ranked: Sequence[tuple[int, Vals]]) -> list[tuple[float, Vals]]:
    """Return (rank, values) in the order of the trial numbers; TPE gives newer trials larger weights."""
    by_number = sorted((trial, rank) for rank, (trial, _) in enumerate(ranked))
    return [(float(rank), ranked[rank][1]) for _, rank in by_number]


def _draw_seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))


@np.errstate(all="ignore")  # np.seterr(all="raise") in a user's code is meant for that code
def suggest(sampler: Sampler, new_ids: list[int], domain: Domain, trials: Trials, seed: int) -> list[dict[str, Any]]:
    """Propose trials one after another, with the earlier ones as running trials; see ``Sampler.suggest``."""
    space, reader = _get_space_and_reader(domain, trials)
    observations, running = reader.read(trials.trials)
    history = History(space, observations)
    docs = []
    for trial in new_ids:
        vals = sampler.propose(trial, history, running, np.random.default_rng([seed, trial]))
        running.append(vals)
        misc = _make_document(trial, space, vals, {})["misc"] | {"cmd": domain.cmd, "workdir": domain.workdir}
        docs.extend(trials.new_trial_docs([trial], [None], [domain.new_result()], [misc]))
    return docs


def _make_document(tid: int, space: Space, vals: Mapping[str, float], result: dict[str, Any]) -> dict[str, Any]:
    """Return a hyperopt document of a finished trial; inactive labels have empty lists."""
    misc = {
        "tid": tid,
        "cmd": None,
        "idxs": {label: [tid] if label in vals else [] for label in space.labels},
        "vals": {label: [vals[label]] if label in vals else [] for label in space.labels},
    }
    return {"state": JOB_STATE_DONE, "tid": tid, "spec": None, "result": result, "misc": misc, "exp_key": None}


_OF_DOMAIN: WeakKeyDictionary[Domain, tuple[Space, WeakKeyDictionary[Trials, DocumentReader]]] = WeakKeyDictionary()


def _get_space_and_reader(domain: Domain, trials: Trials) -> tuple[Space, DocumentReader]:
    """Return the compiled space of a domain and the reader of its trials, which are kept during an ``fmin``."""
    if domain not in _OF_DOMAIN:
        _OF_DOMAIN[domain] = compile_space(domain.expr), WeakKeyDictionary()
    space, readers = _OF_DOMAIN[domain]
    return space, readers.setdefault(trials, DocumentReader(space))


@lru_cache(maxsize=8)
def _make_domain(space: Space) -> Domain:
    """Return a hyperopt domain with the parameters and conditions of a space, without constants and operations."""
    made: dict[int, Apply] = {}
    drawn = {parameter.label: _make_parameter_node(parameter) for parameter in space.parameters}
    for node in reversed(sort_topologically(space.root)):
        made[id(node)] = _make_expression(node, [made[id(child)] for child in get_children(node)], drawn)
    return Domain(None, made[id(space.root)])


def _make_expression(node: Node, below: list[Apply], drawn: Mapping[str, Apply]) -> Apply:
    """Return the pyll node of a node, given those of its children and parameters."""
    if isinstance(node, Value):
        return drawn[node.label]
    if isinstance(node, Choice):
        return scope.switch(drawn[node.label], *below)
    return as_apply(below)


def _make_parameter_node(parameter: Parameter) -> Apply:
    """Return the pyll node that draws a parameter, same as ``hp.*``."""
    args = parameter.args
    if parameter.kind == "pchoice":
        node = scope.categorical(args)
    elif _is_wide(parameter):
        node = scope.quniform(args[0], args[1] - 1, 1.0)
    elif parameter.kind in ("choice", "randint"):
        node = scope.randint(*args)
    elif parameter.kind == "uniformint":
        node = scope.quniform(*args, 1.0)
    elif _has_negligible_step(parameter):
        node = getattr(scope, parameter.kind.removeprefix("q"))(*args[:2])
    else:
        node = getattr(scope, parameter.kind)(*args)
    return scope.hyperopt_param(parameter.label, node)
