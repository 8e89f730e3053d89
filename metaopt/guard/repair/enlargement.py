"""Networks that use too little of what they may are made larger."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from metaopt.blueprint import InvalidArchitecture
from metaopt.guard.guard import Guard
from metaopt.guard.memory import memory
from metaopt.guard.repair.repair import Repair
from metaopt.guard.repair.sizes import LIMITED, Costs
from metaopt.guard.repair.stacks import Stacks
from metaopt.guard.repair.walk import Walk
from metaopt.guard.repair.widths import widen
from metaopt.spaces import Space, Vals

ROUNDS = 4  # of raising widths: what a trace does not tell is only known once the network is made
CLIMBS = 400  # networks that are made in search of a larger one, a fraction of a millisecond each
_DEEPER = 0.25  # of them have a block more, where a stack can have one

_AIM = 0.5  # of the way from the share to the whole, in the first round


@dataclass(frozen=True)
class _Size:
    """A network that keeps its limits, and how much of the tightest one it uses."""

    vals: Vals
    sums: Mapping[str, float]
    use: float


class Enlargement:
    """Makes networks that stand larger, until they use a share of the tightest of their limits.

    Counted are parameters and multiply-accumulates; memory is a limit of the machine, which is kept but not filled.
    Widths are raised first, of layers drawn at random; where that is not enough, blocks are added and other labels
    moved, one at a time, as long as the network becomes larger. A pure function of the values and the generator.
    """

    def __init__(self, space: Space, guard: Guard, share: float, repair: Repair, stacks: Stacks | None = None):
        """An enlargement.

        Args:
            space: of the values.
            guard: with a limit on parameters or multiply-accumulates.
            share: of the tightest limit, in (0, 1).
            repair: of the same space and guard.
            stacks: depths that are to be kept; all by default.
        """
        self._space = space
        self._guard = guard
        self._share = share
        self._repair = repair
        self._stacks = stacks or Stacks(space)
        self._limits = [limit for limit in guard.limits if limit.cheap]
        self._bounds = {limit.name: limit.bound for limit in self._limits if limit.name in LIMITED}

    def __call__(self, vals: Vals, rng: np.random.Generator) -> Vals:
        """Values near by whose network is large enough, or the largest that was found.

        Args:
            vals: whose network stands and keeps the limits.
            rng: what becomes larger.
        """
        size = self._measured(vals)
        if size is None or size.use >= self._share:
            return vals
        size = self._widened(size, rng)
        if size.use < self._share:
            size = self._climbed(size, rng)
        return Vals(size.vals, model_based=vals.model_based, parent=vals.parent)

    def _measured(self, vals: Vals) -> _Size | None:
        """The size of a network; None where it cannot exist or breaks a limit."""
        problem, guard = self._guard.problem, self._guard
        assert problem.network is not None
        point = self._space.point(vals)
        try:
            blueprint = problem.network(point, guard.input_shape, guard.classes)
        except InvalidArchitecture:
            return None
        for limit in self._limits:
            is_memory = limit.name == "memory"
            value = memory(blueprint, problem.training(point)) if is_memory else getattr(blueprint, limit.name)
            if limit.distance(value) > 0:
                return None
        sums = {name: float(getattr(blueprint, name)) for name in LIMITED}
        return _Size(vals, sums, max(sums[name] / bound for name, bound in self._bounds.items()))

    def _widened(self, size: _Size, rng: np.random.Generator) -> _Size:
        """With widths raised; the costs of what is not traced are taken to grow as the others do."""
        tracer = self._repair.tracer
        steps = tracer.remembered(size.vals) or tracer.trace(size.vals)
        if steps is None:
            return size
        aim, scales = self._share + _AIM * (1 - self._share), None
        for _ in range(ROUNDS):
            walk = Walk(steps, size.vals)
            self._repair.mender.follow(walk)
            if not walk.stands:
                return size
            costs = Costs(walk, tracer.shop)
            if not costs.labels:
                return size
            scales = scales or _ratios(size.sums, costs.sums)
            bounds = {name: bound / scales[name] for name, bound in self._bounds.items()}
            widen(costs, walk.vals, bounds, aim, self._space, self._repair.ladders, rng)
            if not walk.moved:
                return size
            larger = self._measured(Vals(walk.vals))
            if larger is None:
                aim = (aim + size.use) / 2
                scales = {name: scale * 1.1 for name, scale in scales.items()}
                continue
            if larger.use > size.use:
                size = larger
            if size.use >= self._share:
                return size
            scales = _ratios(larger.sums, costs.sums)
        return size

    def _climbed(self, size: _Size, rng: np.random.Generator) -> _Size:
        """With single labels moved and blocks added, whatever makes it larger."""
        useless: set[Any] = set()
        for _ in range(CLIMBS):
            if size.use >= self._share:
                break
            moves: list[Any] = [group for group in self._space.block_stacks if self._stacks.longer(group, size.vals)]
            deeper = bool(moves) and rng.random() < _DEEPER
            if not deeper:
                moves = [label for label in sorted(size.vals) if label not in useless]
            if not moves:
                continue
            move = moves[int(rng.random() * len(moves))]
            larger = self._measured(self._moved(size.vals, move, rng))
            if larger is not None and larger.use > size.use:
                size = larger
            elif larger is not None and larger.sums == size.sums:
                useless.add(move)  # a label of the training, most often
        return size

    def _moved(self, vals: Vals, move: Any, rng: np.random.Generator) -> Vals:
        """Values with a block more, or with another value of a label."""
        if not isinstance(move, str):
            length = self._stacks.longer(move, vals)
            assert length is not None
            return self._stacks.resized(vals, move, length, rng)
        others = self._repair.ladders.nearest(move, vals[move])
        if not others:
            return vals
        return self._space.complete({**vals, move: others[int(rng.random() * len(others))]}, rng)


def _ratios(known: Mapping[str, float], estimated: Mapping[str, float]) -> dict[str, float]:
    """Name → how many times as large a count is as it was estimated to be."""
    return {name: known[name] / estimated[name] if estimated[name] > 0 else 1.0 for name in known}
