"""Enlargement of networks that use too little of their limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from metaopt.blueprint import InvalidArchitecture
from metaopt.guard.counted_limits import count
from metaopt.guard.guard import Guard
from metaopt.guard.repair.cost_model import COUNTS, CostModel
from metaopt.guard.repair.repair import Repair
from metaopt.guard.repair.repair_state import RepairState
from metaopt.guard.repair.value_grid import ValueGrid
from metaopt.guard.stacks import Stacks
from metaopt.spaces import Distribution, Space, Vals

MAX_ROUNDS = 4  # of raising widths; the exact size is only known once the network is built
MAX_TRIALS = 400  # networks that are built by the local search, a fraction of a millisecond each
_DEEPER = 0.25  # share of them with an additional block, where a stack can have one

_TARGET = 0.5  # of the way from the share to the whole limit, in the first round
_MAX_HALVINGS = 12  # of a width's range, in the search for the largest value that keeps the limits
_MAX_MOVES = 200  # of widths, in one round


@dataclass(frozen=True)
class _Candidate:
    """A network that keeps its limits.

    Attributes:
        vals: its values.
        totals: name of the count → total of the network.
        use: used share of the tightest limit.
    """

    vals: Vals
    totals: Mapping[str, float]
    use: float


class Enlargement:
    """Enlarges valid networks until they use a share of the tightest of their limits.

    Parameters and multiply-accumulates count; a limit on memory belongs to the machine and is kept but not filled.
    Widths of random layers are raised first. Where that is not enough, blocks are added and other labels moved, one at
    a time, as long as the network becomes larger. A pure function of the values and the generator.
    """

    def __init__(self, space: Space, guard: Guard, share: float, repair: Repair, stacks: Stacks | None = None):
        """Create an enlargement.

        Args:
            space: of the values.
            guard: with a limit on parameters or multiply-accumulates.
            share: of the tightest limit, in (0, 1).
            repair: of the same space and guard.
            stacks: allowed depths; all by default.
        """
        self._space = space
        self._guard = guard
        self._share = share
        self._repair = repair
        self._stacks = stacks or Stacks(space)
        self._limits = guard.counted_limits
        self._bounds = {limit.name: limit.bound for limit in self._limits if limit.name in COUNTS}

    @np.errstate(all="ignore")  # np.seterr(all="raise") in a user's code is meant for that code
    def __call__(self, vals: Vals, rng: np.random.Generator) -> Vals:
        """Return nearby values whose network is large enough, or the largest that was found.

        Args:
            vals: of a valid network within its limits.
            rng: decides what becomes larger.
        """
        candidate = self._evaluate(vals)
        if candidate is None or candidate.use >= self._share:
            return vals
        candidate = self._raise_widths(candidate, rng)
        if candidate.use < self._share:
            candidate = self._search(candidate, rng)
        return Vals(candidate.vals, model_based=vals.model_based, parent=vals.parent)

    def _evaluate(self, vals: Vals) -> _Candidate | None:
        """Return the candidate with these values; None if it is invalid or breaks a limit."""
        problem, guard = self._guard.problem, self._guard
        point = self._space.point(vals)
        try:
            blueprint = problem.blueprint(point, guard.input_shape, guard.classes)
        except InvalidArchitecture:
            return None
        assert blueprint is not None, "only networks with a blueprint are enlarged"
        for limit in self._limits:
            if limit.distance(count(limit.name, blueprint, problem, point)) > 0:
                return None
        totals = {name: float(getattr(blueprint, name)) for name in COUNTS}
        return _Candidate(vals, totals, used_share(totals, self._bounds))

    def _raise_widths(self, candidate: _Candidate, rng: np.random.Generator) -> _Candidate:
        """Raise widths by the cost model; costs that it does not know are assumed to grow in proportion."""
        tracer = self._repair.tracer
        steps = tracer.cached(candidate.vals) or tracer.trace(candidate.vals)
        if steps is None:
            return candidate
        target, scales = self._share + _TARGET * (1 - self._share), None
        for _ in range(MAX_ROUNDS):
            state = RepairState(steps, candidate.vals)
            self._repair.shape_repair.propagate(state)
            if not state.is_valid:
                return candidate
            costs = CostModel(state, tracer.evaluator)
            if not costs.labels:
                return candidate
            scales = scales or _ratios(candidate.totals, costs.totals)
            bounds = {name: bound / scales[name] for name, bound in self._bounds.items()}
            widen(costs, state.vals, bounds, target, self._space, self._repair.grid, rng)
            if not state.moved:
                return candidate
            larger = self._evaluate(Vals(state.vals))
            if larger is None:
                target = (target + candidate.use) / 2
                scales = {name: scale * 1.1 for name, scale in scales.items()}
                continue
            if larger.use > candidate.use:
                candidate = larger
            if candidate.use >= self._share:
                return candidate
            scales = _ratios(larger.totals, costs.totals)
        return candidate

    def _search(self, candidate: _Candidate, rng: np.random.Generator) -> _Candidate:
        """Move single labels and add blocks, accepting every larger network."""
        useless: set[Any] = set()
        for _ in range(MAX_TRIALS):
            if candidate.use >= self._share:
                break
            moves: list[Any] = [
                stack for stack in self._space.block_stacks if self._stacks.longer(stack, candidate.vals)
            ]
            is_deeper = bool(moves) and rng.random() < _DEEPER
            if not is_deeper:
                moves = [label for label in sorted(candidate.vals) if label not in useless]
            if not moves:
                continue
            move = moves[int(rng.random() * len(moves))]
            larger = self._evaluate(self._moved(candidate.vals, move, rng))
            if larger is not None and larger.use > candidate.use:
                candidate = larger
            elif larger is not None and larger.totals == candidate.totals:
                useless.add(move)  # mostly a label of the training
        return candidate

    def _moved(self, vals: Vals, move: Any, rng: np.random.Generator) -> Vals:
        """Return values with one more block of a stack, or with another value of a label."""
        if not isinstance(move, str):
            length = self._stacks.longer(move, vals)
            assert length is not None
            return self._stacks.resized(vals, move, length, rng)
        others = self._repair.grid.nearest(move, vals[move])
        if not others:
            return vals
        return self._space.complete({**vals, move: others[int(rng.random() * len(others))]}, rng)


def widen(
    costs: CostModel,
    vals: Mapping[str, float],
    bounds: Mapping[str, float],
    share: float,
    space: Space,
    grid: ValueGrid,
    rng: np.random.Generator,
) -> None:
    """Raise random widths until a total reaches the share of its bound, or no width can be raised any more.

    In each move a label is drawn, then a value for it, uniformly on the scale of its prior between its current value
    and the largest that keeps all bounds. Widths therefore stay diverse.

    Args:
        costs: of the network; its widths are moved.
        vals: of the same state, which change with the cost model.
        bounds: name of the count → bound of the total.
        share: of a bound, in (0, 1).
        space: of the labels.
        grid: of the space.
        rng: decides which labels are moved, and how far.
    """
    labels = costs.labels
    for _ in range(_MAX_MOVES):
        if not labels or used_share(costs.totals, bounds) >= share:
            return
        number = int(rng.random() * len(labels))
        label = labels[number]
        value = _raised(costs, label, vals[label], bounds, space.by_label[label].distribution, grid, rng)
        if value is None:
            labels.pop(number)  # later moves only use up more of the bounds
        else:
            costs.move(label, value)


def used_share(totals: Mapping[str, float], bounds: Mapping[str, float]) -> float:
    """Return the used share of the tightest bound."""
    return max([totals[name] / bound for name, bound in bounds.items()])


def _raised(
    costs: CostModel,
    label: str,
    value: float,
    bounds: Mapping[str, float],
    distribution: Distribution,
    grid: ValueGrid,
    rng: np.random.Generator,
) -> float | None:
    """Return a value with which the network is larger and keeps all bounds, or None; the label is not moved."""
    before = used_share(costs.totals, bounds)

    def use(other: float) -> float:
        costs.move(label, other)
        return used_share(costs.totals, bounds)

    try:
        if distribution.is_choice:  # options may have any order
            larger = [other for other in grid.values(label) if before < use(other) <= 1]
            return larger[int(rng.random() * len(larger))] if larger else None
        start, end = distribution.to_prior_scale(value), distribution.to_prior_scale(grid.values(label)[-1])
        if use(distribution.from_prior_scale(end)) <= 1:
            top = end
        else:
            low, high = start, end
            for _ in range(_MAX_HALVINGS):
                middle = (low + high) / 2
                if use(distribution.from_prior_scale(middle)) <= 1:
                    low = middle
                else:
                    high = middle
            top = low
        largest = distribution.from_prior_scale(top)
        if not use(largest) > before:
            return None
        drawn = distribution.from_prior_scale(start + rng.random() * (top - start))
        return drawn if use(drawn) > before else largest
    finally:
        costs.move(label, value)


def _ratios(actual: Mapping[str, float], estimated: Mapping[str, float]) -> dict[str, float]:
    """Return the ratio of each actual count to its estimate."""
    return {name: actual[name] / estimated[name] if estimated[name] > 0 else 1.0 for name in actual}
