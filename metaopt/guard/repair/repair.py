"""Near values whose network stands, for values whose network the guard rejects."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from metaopt.blueprint import Blueprint, Input, InvalidArchitecture
from metaopt.guard.guard import Guard
from metaopt.guard.memory import memory
from metaopt.guard.repair.descent import Spent, descend, return_to
from metaopt.guard.repair.ladders import Ladders
from metaopt.guard.repair.plan import Step
from metaopt.guard.repair.shapes import Mender
from metaopt.guard.repair.sizes import fit
from metaopt.guard.repair.stacks import Stacks
from metaopt.guard.repair.tracing import Tracer
from metaopt.guard.repair.walk import Walk
from metaopt.spaces import Space, Vals

ROUNDS = 4  # of tracing: what is moved may change what the function makes
DESCENTS = 10  # from the values, then from draws
EVALUATIONS = 4_000  # of the network in all descents, each a fraction of a millisecond

_IMPOSSIBLE = 1e6  # more than any miss of a limit


@dataclass
class Repaired:
    """What came out.

    Attributes:
        vals: near values whose network exists and keeps the cheap limits; None if none were found.
        smallest: name of a cheap limit → the smallest value that any network had on the way.
        evaluations: how often the network was made.
    """

    vals: Vals | None = None
    smallest: dict[str, float] = field(default_factory=dict)
    evaluations: int = 0


class Repair:
    """Repairs values of one space for one guard; a pure function of the values and the generator.

    Attributes:
        ladders, tracer, mender: what the space was found to be like, which ``Enlargement`` uses, too.
    """

    def __init__(self, space: Space, guard: Guard, stacks: Stacks | None = None):
        """A repair.

        Args:
            space: of the values.
            guard: whose limits are to be kept.
            stacks: depths that are to be kept, and that the values keep; all by default.
        """
        self._space = space
        self._guard = guard
        self._stacks = stacks or Stacks(space)
        self._limits = [limit for limit in guard.limits if limit.is_cheap]
        self.ladders = Ladders(space, self._stacks.kept)
        self.tracer = Tracer(space, self.ladders, self._network)
        self.mender = Mender(space, self.ladders, self.tracer.shop)
        self._choices = {one.label for one in space.parameters if one.distribution.is_choice}
        # A choice with one of its options → labels that are active only with it, or with it in one of their ways.
        self._under: dict[tuple[str, float], set[str]] = {}
        for one in space.parameters:
            for choice in {pair for alternative in one.conditions for pair in alternative}:
                self._under.setdefault(choice, set()).add(one.label)

    def __call__(self, vals: Vals, rng: np.random.Generator) -> Repaired:
        """Near values whose network stands: those themselves, if theirs does.

        Args:
            vals: active labels of the space.
            rng: decides between repairs that are equally good.
        """
        outcome = Repaired()
        if self._guard.problem.network is None:
            return outcome
        wanted = nearest = vals
        steps = self.tracer.remembered(vals)
        # What is sure to fail need not be made.
        doomed = steps is not None and self.mender.breaks(steps, vals)
        least = math.inf if doomed else self._miss(vals, outcome)
        for _ in range(ROUNDS):
            if least == 0:
                break
            if steps is None:
                outcome.evaluations += 1
                steps = self.tracer.trace(vals)
            moved = None if steps is None else self._repair_at_once(steps, vals, rng)
            if moved is None or moved == vals:
                break
            steps = None  # from now on what is remembered is not trusted
            vals, missed = moved, self._miss(moved, outcome)
            if missed < least:
                nearest, least = vals, missed
        found = nearest if least == 0 else self._descent(wanted, nearest, outcome, rng)
        if found is not None:
            outcome.vals = Vals(found, model_based=wanted.model_based, parent=wanted.parent)
        return outcome

    def _repair_at_once(self, steps: Sequence[Step], vals: Vals, rng: np.random.Generator) -> Vals:
        """One round: all labels that are seen to be at fault are moved."""
        walk = Walk(steps, vals)
        self.mender.mend(walk, rng)
        fit(walk, self.tracer.shop, self._limits, self.ladders, rng)
        return self._settled(vals, walk, rng)

    def _settled(self, vals: Vals, walk: Walk, rng: np.random.Generator) -> Vals:
        """The values of a walk, without labels that are not active any more and with those that now are.

        As ``Space.complete``, but faster where choices were only taken back to options that hold nothing.
        """
        found, under = walk.vals, self._under
        choices = [label for label in walk.moved if label in self._choices and found[label] != vals[label]]
        if any((choice, found[choice]) in under for choice in choices):
            return self._space.complete(found, rng)
        dropped = {label for choice in choices for label in under.get((choice, vals[choice]), ())}
        for label in dropped:
            alternatives = self._space.by_label[label].conditions
            if not any(all(found.get(choice) == index for choice, index in one) for one in alternatives):
                del found[label]
        return found

    def _descent(self, wanted: Vals, start: Vals, outcome: Repaired, rng: np.random.Generator) -> Vals | None:
        """The repair for what no trace shows: from the nearest values so far, then from draws."""
        last = outcome.evaluations + EVALUATIONS

        def miss(vals: Vals) -> float:
            if outcome.evaluations >= last:
                raise Spent
            return self._miss(vals, outcome)

        try:
            for number in range(DESCENTS):
                begin = start if number == 0 else self._stacks.draw(rng)
                found = descend(begin, miss, self._space, self.ladders, rng)
                if found is not None:
                    return return_to(wanted, found, miss, self._space, rng)
        except Spent:
            pass
        return None

    def _network(self, point: Any) -> Blueprint:
        assert self._guard.problem.network is not None
        return self._guard.problem.network(point, self._guard.input_shape, self._guard.classes)

    def _miss(self, vals: Vals, outcome: Repaired) -> float:
        """How far values miss: 0 where the network stands, less for more layers where it cannot exist."""
        outcome.evaluations += 1
        point = self._space.point(vals)
        before = Input((1,)).index
        try:
            blueprint = self._network(point)
        except InvalidArchitecture:
            return _IMPOSSIBLE * (1 + 1 / (Input((1,)).index - before))
        missed = 0.0
        for limit in self._limits:
            if limit.name == "memory":
                value = memory(blueprint, self._guard.problem.training(point))
            else:
                value = getattr(blueprint, limit.name)
            outcome.smallest[limit.name] = min(outcome.smallest.get(limit.name, math.inf), value)
            if limit.distance(value) > 0:
                # A ratio brings a sum of two misses down evenly; 1 where the limit is 0 or less, and nothing keeps it.
                missed += math.log(value / limit.bound) if limit.bound > 0 else value + 1
        return missed
