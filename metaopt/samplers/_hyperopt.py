"""Between metaopt's samplers and hyperopt's, in both directions.

``ask`` and ``ask_tpe`` let hyperopt's algorithms propose from our history; ``suggest`` lets one of our samplers serve
``hyperopt.fmin``.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from hyperopt import tpe
from hyperopt.base import (
    JOB_STATE_DONE,
    JOB_STATE_NEW,
    JOB_STATE_RUNNING,
    STATUS_OK,
    Domain,
    Trials,
    trials_from_docs,
)
from hyperopt.pyll import as_apply, scope
from hyperopt.pyll.base import Apply, rec_eval

from metaopt.samplers._base import History, Observation, Sampler
from metaopt.spaces import Parameter, Space, Vals, compile_space
from metaopt.spaces.nodes import Choice, Node, Value, get_children, sort_topologically

# suggest(new_ids, domain, trials, seed) -> trial documents
Algorithm = Callable[[list[int], Domain, Trials, int], list[dict[str, Any]]]


def ask_tpe(
    space: Space,
    ranked: Sequence[tuple[int, Vals]],
    rng: np.random.Generator,
    *,
    gamma: float,
    candidates: int,
    prior_weight: float,
) -> Vals:
    """What ``hyperopt.tpe.suggest`` proposes with the same seed, in half the time.

    It builds the graph of the posterior anew for each proposal, and reads the trials from documents; here the graph is
    kept and the trials are handed over as they are. The arguments are those of ``ask`` and of ``TPE``.
    """
    domain = _domain(space)
    observed, losses, posterior = _posterior(space, prior_weight, gamma)
    trials = _numbered(ranked)
    draws = list(range(len(trials) + 2, len(trials) + 2 + candidates))  # as tpe.suggest numbers them
    memo = {
        domain.s_new_ids: draws,
        domain.s_rng: np.random.default_rng(_seed(rng)),
        losses["idxs"]: list(range(len(trials))),
        losses["vals"]: [rank for rank, _ in trials],
        observed["idxs"]: {
            label: [tid for tid, (_, vals) in enumerate(trials) if label in vals] for label in space.labels
        },
        observed["vals"]: {label: [vals[label] for _, vals in trials if label in vals] for label in space.labels},
    }
    numbers, values = rec_eval(posterior, memo=memo, memo_gc=False, print_node_on_error=False)
    proposed = {label: values[label][0] for label in space.labels if draws[0] in numbers[label]}
    for label in proposed:
        if space.by_label[label].kind == "randint":  # the posterior counts from the lower bound
            proposed[label] += space.by_label[label].args[0]
    return space.restrict(proposed)


@lru_cache(maxsize=8)
def _posterior(space: Space, prior_weight: float, gamma: float) -> tuple[dict[str, Apply], dict[str, Apply], Apply]:
    """Where the observed values and losses are put in, and the graph to evaluate then."""
    observed, losses, posterior = tpe.build_posterior_wrapper(_domain(space), prior_weight, gamma)
    return observed, losses, as_apply(posterior)


def ask(algorithm: Algorithm, space: Space, ranked: Sequence[tuple[int, Vals]], rng: np.random.Generator) -> Vals:
    """What an algorithm of hyperopt proposes.

    hyperopt's algorithms look at nothing but the order of the losses, so each trial's loss is its rank: infeasible
    trials can be put behind the others, and ties do not depend on how a machine sorts.

    Args:
        algorithm: e.g. ``hyperopt.anneal.suggest``.
        space: a space with at least one parameter.
        ranked: trials as (number, values), the best first.
        rng: one seed is drawn from it.
    """
    docs = [
        _document(tid, space, vals, {"status": STATUS_OK, "loss": float(rank)})
        for tid, (rank, vals) in enumerate(_numbered(ranked))
    ]
    trials = trials_from_docs(docs, validate=False)
    (proposed,) = algorithm([len(docs)], _domain(space), trials, _seed(rng))
    return space.restrict({label: value[0] for label, value in proposed["misc"]["vals"].items() if len(value)})


def _numbered(ranked: Sequence[tuple[int, Vals]]) -> list[tuple[float, Vals]]:
    """(rank, values) in the order of the trials' numbers: the newer a trial, the more TPE trusts it."""
    by_number = sorted((trial, rank) for rank, (trial, _) in enumerate(ranked))
    return [(float(rank), ranked[rank][1]) for _, rank in by_number]


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))


def suggest(sampler: Sampler, new_ids: list[int], domain: Domain, trials: Trials, seed: int) -> list[dict[str, Any]]:
    """See ``Sampler.suggest``; several new trials are proposed one after the other, each knowing the ones before."""
    space = _compiled(domain)
    history = History(space, _observations(space, trials))
    running = [_vals(space, doc) for doc in trials.trials if doc["state"] in (JOB_STATE_NEW, JOB_STATE_RUNNING)]
    docs = []
    for trial in new_ids:
        vals = sampler.propose(trial, history, running, np.random.default_rng([seed, trial]))
        running.append(vals)
        misc = _document(trial, space, vals, {})["misc"] | {"cmd": domain.cmd, "workdir": domain.workdir}
        docs.extend(trials.new_trial_docs([trial], [None], [domain.new_result()], [misc]))
    return docs


def _document(tid: int, space: Space, vals: Mapping[str, float], result: dict[str, Any]) -> dict[str, Any]:
    """A trial that is done, as hyperopt keeps it; labels that are not active have empty lists."""
    misc = {
        "tid": tid,
        "cmd": None,
        "idxs": {label: [tid] if label in vals else [] for label in space.labels},
        "vals": {label: [vals[label]] if label in vals else [] for label in space.labels},
    }
    return {"state": JOB_STATE_DONE, "tid": tid, "spec": None, "result": result, "misc": misc, "exp_key": None}


def _vals(space: Space, doc: Mapping[str, Any]) -> Vals:
    return space.restrict({label: value[0] for label, value in doc["misc"]["vals"].items() if len(value)})


def _observations(space: Space, trials: Trials) -> tuple[Observation, ...]:
    """The trials that ended, sorted by number; those without a loss count as failed."""
    ended = [doc for doc in trials.trials if doc["state"] == JOB_STATE_DONE]
    found = []
    for doc in sorted(ended, key=lambda doc: doc["tid"]):
        loss = doc["result"].get("loss") if doc["result"].get("status") == STATUS_OK else None
        found.append(Observation.of(doc["tid"], _vals(space, doc), None if loss is None else float(loss)))
    return tuple(found)


_COMPILED: WeakKeyDictionary[Domain, Space] = WeakKeyDictionary()


def _compiled(domain: Domain) -> Space:
    """The space of a domain, compiled once for all trials of an ``fmin``."""
    if domain not in _COMPILED:
        _COMPILED[domain] = compile_space(domain.expr)
    return _COMPILED[domain]


@lru_cache(maxsize=8)
def _domain(space: Space) -> Domain:
    """The parameters of a space under their choices, without constants and operations, as a hyperopt domain."""
    made: dict[int, Apply] = {}
    drawn = {parameter.label: _drawn(parameter) for parameter in space.parameters}
    for node in reversed(sort_topologically(space.root)):
        made[id(node)] = _expression(node, [made[id(child)] for child in get_children(node)], drawn)
    return Domain(None, made[id(space.root)])


def _expression(node: Node, below: list[Apply], drawn: Mapping[str, Apply]) -> Apply:
    if isinstance(node, Value):
        return drawn[node.label]
    if isinstance(node, Choice):
        return scope.switch(drawn[node.label], *below)
    return as_apply(below)


def _drawn(parameter: Parameter) -> Apply:
    """The pyll node that draws a parameter, as hp.* makes it."""
    args = parameter.args
    if parameter.kind == "pchoice":
        node = scope.categorical(args)
    elif parameter.kind in ("choice", "randint"):
        node = scope.randint(*args)
    elif parameter.kind == "uniformint":
        node = scope.quniform(*args, 1.0)
    else:
        node = getattr(scope, parameter.kind)(*args)
    return scope.hyperopt_param(parameter.label, node)
