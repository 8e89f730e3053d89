"""Repair of values whose network is invalid or exceeds the cheap limits."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from metaopt.blueprint import Blueprint, Input, InvalidArchitecture
from metaopt.guard.counted_limits import count
from metaopt.guard.guard import Guard
from metaopt.guard.repair.cost_model import narrow_to_limits
from metaopt.guard.repair.layer_evaluator import Step
from metaopt.guard.repair.local_search import EvaluationsExhausted, coordinate_descent, restore_values
from metaopt.guard.repair.repair_state import RepairState
from metaopt.guard.repair.shape_repair import ShapeRepair
from metaopt.guard.repair.trace_cache import Tracer
from metaopt.guard.repair.value_grid import ValueGrid
from metaopt.guard.stacks import Stacks
from metaopt.spaces import Space, Vals

MAX_ROUNDS = 4  # of repairs by trace; moved labels may change which layers the function builds
MAX_DESCENTS = 10  # one from the given values, the others from draws
MAX_EVALUATIONS = 4_000  # of the network in all descents, each a fraction of a millisecond

_INVALID = 1e6  # violation of an invalid network; higher than that of any limit


@dataclass
class RepairResult:
    """Result of a repair.

    Attributes:
        vals: nearby values whose network is valid and keeps the cheap limits; None if none were found.
        smallest: name of a cheap limit → smallest value of any network that was evaluated.
        evaluations: number of times that the network was built.
    """

    vals: Vals | None = None
    smallest: dict[str, float] = field(default_factory=dict)
    evaluations: int = 0


class Repair:
    """Repairs values of one space for one guard; a pure function of the values and the generator.

    Attributes:
        grid: values of each label; with ``tracer`` and ``shape_repair`` shared with ``Enlargement``.
        tracer: finds the steps of networks.
        shape_repair: repairs their shapes.
    """

    def __init__(self, space: Space, guard: Guard, stacks: Stacks | None = None):
        """Create a repair.

        Args:
            space: of the values.
            guard: its cheap limits are to be kept.
            stacks: allowed depths, which the values to be repaired keep; all depths by default.
        """
        self._space = space
        self._guard = guard
        self._stacks = stacks or Stacks(space)
        self._limits = guard.counted_limits
        self.grid = ValueGrid(space, self._stacks.allowed)
        self.tracer = Tracer(space, self.grid, self._build)
        self.shape_repair = ShapeRepair(space, self.grid, self.tracer.evaluator)
        self._choices = {one.label for one in space.parameters if one.distribution.is_choice}
        # A choice with one of its options → labels that are active with it, at least under some other conditions.
        self._dependents: dict[tuple[str, float], set[str]] = {}
        for one in space.parameters:
            for choice in {pair for alternative in one.conditions for pair in alternative}:
                self._dependents.setdefault(choice, set()).add(one.label)

    @np.errstate(all="ignore")  # np.seterr(all="raise") in a user's code is meant for that code
    def __call__(self, vals: Vals, rng: np.random.Generator) -> RepairResult:
        """Return nearby values whose network passes, or the given values if theirs does.

        Args:
            vals: active labels of the space.
            rng: decides between repairs that are equally good.
        """
        result = RepairResult()
        if not self._guard.problem.has_blueprint:
            return result
        wanted = nearest = vals
        steps = self.tracer.cached(vals)
        # A network that is known to be invalid need not be built.
        is_broken = steps is not None and self.shape_repair.is_broken(steps, vals)
        lowest = math.inf if is_broken else self._violation(vals, result)
        for _ in range(MAX_ROUNDS):
            if lowest == 0:
                break
            if steps is None:
                result.evaluations += 1
                steps = self.tracer.trace(vals)
            moved = None if steps is None else self._repair_by_trace(steps, vals, rng)
            if moved is None or moved == vals:
                break
            steps = None  # the cache has failed for this network, or the steps have changed: trace from now on
            vals, violation = moved, self._violation(moved, result)
            if violation < lowest:
                nearest, lowest = vals, violation
        found = nearest if lowest == 0 else self._search(wanted, nearest, result, rng)
        if found is not None:
            result.vals = Vals(found, model_based=wanted.model_based, parent=wanted.parent)
        return result

    def _repair_by_trace(self, steps: Sequence[Step], vals: Vals, rng: np.random.Generator) -> Vals:
        """Move all labels that cause a fault according to the trace."""
        state = RepairState(steps, vals)
        self.shape_repair.repair(state, rng)
        narrow_to_limits(state, self.tracer.evaluator, self._limits, self.grid, rng)
        return self._complete(vals, state, rng)

    def _complete(self, vals: Vals, state: RepairState, rng: np.random.Generator) -> Vals:
        """Return the values of a state with exactly the labels that are active.

        Same result as ``Space.complete``, but faster where choices moved only to options without labels.
        """
        found, dependents = state.vals, self._dependents
        choices = [label for label in state.moved if label in self._choices and found[label] != vals[label]]
        if any((choice, found[choice]) in dependents for choice in choices):
            return self._space.complete(found, rng)
        dropped = {label for choice in choices for label in dependents.get((choice, vals[choice]), ())}
        for label in dropped:
            alternatives = self._space.by_label[label].conditions
            if not any(all(found.get(choice) == index for choice, index in one) for one in alternatives):
                del found[label]
        return found

    def _search(self, wanted: Vals, start: Vals, result: RepairResult, rng: np.random.Generator) -> Vals | None:
        """Repair by local search: from the nearest values found so far, then from draws."""
        last = result.evaluations + MAX_EVALUATIONS

        def violation(vals: Vals) -> float:
            if result.evaluations >= last:
                raise EvaluationsExhausted
            return self._violation(vals, result)

        try:
            for number in range(MAX_DESCENTS):
                begin = start if number == 0 else self._stacks.draw(rng)
                found = coordinate_descent(begin, violation, self._space, self.grid, rng)
                if found is not None:
                    return restore_values(wanted, found, violation, self._space, rng)
        except EvaluationsExhausted:
            pass
        return None

    def _build(self, point: Any) -> Blueprint:
        blueprint = self._guard.problem.blueprint(point, self._guard.input_shape, self._guard.classes)
        assert blueprint is not None, "only networks with a blueprint are repaired"
        return blueprint

    def _violation(self, vals: Vals, result: RepairResult) -> float:
        """Return the violation of validity and limits: 0 if the network passes, lower the deeper it can be built."""
        result.evaluations += 1
        point = self._space.point(vals)
        first = Input((1,)).index  # nodes are numbered as they are made
        try:
            blueprint = self._build(point)
        except InvalidArchitecture:
            return _INVALID * (1 + 1 / (Input((1,)).index - first))
        violation = 0.0
        for limit in self._limits:
            value = count(limit.name, blueprint, self._guard.problem, point)
            result.smallest[limit.name] = min(result.smallest.get(limit.name, math.inf), value)
            if limit.distance(value) > 0:
                # Logarithms weigh two limits equally. A bound of 0 or less cannot be kept: the value itself.
                violation += math.log(value / limit.bound) if limit.bound > 0 else value + 1
        return violation
