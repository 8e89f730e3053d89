"""Cost model of a network: parameters and multiply-accumulates as functions of its widths.

``narrow_to_limits`` uses it to fit a network to its limits: the costliest layer is narrowed until the sum fits.
"""

import math
from collections.abc import Sequence

import numpy as np

from metaopt.guard.repair.layer_evaluator import Coefficients, LayerEvaluator, has_width
from metaopt.guard.repair.repair_state import RepairState
from metaopt.guard.repair.value_grid import ValueGrid
from metaopt.problems.memory_estimate import bytes_per_number
from metaopt.problems.model_size import predict_bytes_beside_weights
from metaopt.trials.constraints import MODEL_BYTES, Constraint

# Counts of a network that its widths change.
COUNTS = ("params", "macs")

_TARGET = 0.98  # of a limit; the cost of adapted branches is only known once the network is built
_MIN_FACTOR = 0.5  # of a width, in one move
_MAX_MOVES = 1_000


class CostModel:
    """Parameters and multiply-accumulates of a network whose shapes were propagated; updated as its widths move.

    Attributes:
        totals: name of the count → total of the network.
    """

    def __init__(self, state: RepairState, evaluator: LayerEvaluator):
        self._state = state
        n = len(state.steps)
        self._channels = [0.0] * n
        self._costs = {name: [0.0] * n for name in COUNTS}
        self.totals = dict.fromkeys(COUNTS, 0.0)
        self._dependents: list[list[int]] = [[] for _ in range(n)]  # steps whose channels or cost depend on a step
        self._by_label: dict[str, list[int]] = {}
        self._labels: dict[int, list[str]] = {}
        self._coefficients: dict[int, Coefficients] = {}
        self._shares_weights = set()  # steps whose layer was called before: its parameters count once
        called = set()
        for number, step in enumerate(state.steps):
            inputs = step.inputs
            for back in inputs:
                self._dependents[number - back].append(number)
            if step.width_source:
                self._dependents[number - step.width_source].append(number)
            for label in step.width_labels:
                self._by_label.setdefault(label, []).append(number)
            if step.layer.weighted and number not in state.removed and len(inputs) == 1:
                size = state.sizes[number - inputs[0]]
                self._coefficients[number] = evaluator.cost_coefficients(
                    step, size, state.sizes[number], state.arguments[number]
                )
                if step.layer in called:
                    self._shares_weights.add(number)
                called.add(step.layer)
            if step.keeps_shape and inputs and number not in self._coefficients:
                self._channels[number] = self._channels[number - inputs[0]]
            else:
                self._update(number)

    @property
    def labels(self) -> list[str]:
        """Labels of all widths."""
        return list(self._by_label)

    def cost(self, name: str, number: int) -> float:
        """Return the cost of a step."""
        return self._costs[name][number]

    def costliest(self, name: str, excluded: set[int]) -> int | None:
        """Return the step with the highest cost; None if all others cost nothing."""
        costs = self._costs[name]
        steps: Sequence[int] = range(len(costs))
        number = max(
            [step for step in steps if step not in excluded] if excluded else steps,
            key=costs.__getitem__,
            default=None,
        )
        return number if number is not None and costs[number] > 0 else None

    def width_labels(self, number: int) -> list[str]:
        """Return the labels of the widths of a step's output and input."""
        known = self._labels.get(number)
        if known is not None:
            return known
        steps = self._state.steps
        found = [*steps[number].width_labels]
        pending = [number - back for back in steps[number].inputs]
        for before in pending:  # grows during the loop
            step = steps[before]
            found += step.width_labels
            if step.width_source:
                pending.append(before - step.width_source)
            elif not has_width(step.layer):
                pending += [before - back for back in step.inputs]
        self._labels[number] = list(dict.fromkeys(found))
        return self._labels[number]

    def move(self, label: str, value: float) -> None:
        """Set a label of widths and update all costs that depend on it."""
        self._state.move({label: value})
        pending = list(self._by_label.get(label, ()))
        for number in pending:  # grows during the loop
            if self._update(number):
                pending += self._dependents[number]

    def _update(self, number: int) -> bool:
        """Recompute the channels and costs of a step; return whether its channels changed."""
        state, channels = self._state, self._channels
        step = state.steps[number]
        before = channels[number - step.inputs[0]] if step.inputs else 0.0
        if step.width is not None:
            now = float(step.width(state.vals))
        elif step.keeps_shape and step.inputs:
            now = before
        elif not step.inputs or (has_width(step.layer) and not step.width_source):
            now = float(step.channels)
        elif step.width_source:
            now = channels[number - step.width_source]
        elif step.layer.merges and not step.layer.symmetric:
            now = sum([channels[number - back] for back in step.inputs])
        else:
            now = before * state.factors[number]
        is_changed = now != channels[number]
        channels[number] = now
        coefficients = self._coefficients.get(number)
        if coefficients is not None:
            both = before * now
            for name, (alpha, beta, gamma, delta) in zip(COUNTS, coefficients, strict=True):
                costs = self._costs[name]
                cost = alpha * both + beta * now + gamma * before + delta
                if name == "params" and number in self._shares_weights:
                    cost = 0.0
                self.totals[name] += cost - costs[number]
                costs[number] = cost
        return is_changed


def narrow_to_limits(
    state: RepairState,
    evaluator: LayerEvaluator,
    limits: Sequence[Constraint],
    grid: ValueGrid,
    rng: np.random.Generator,
) -> None:
    """Lower widths until the estimated costs keep the limits, or no width can be lowered any more.

    Args:
        state: its widths are moved.
        evaluator: of the steps of the state.
        limits: those on parameters, multiply-accumulates and the size of the model count.
        grid: of the space.
        rng: decides between the labels of the costliest layer.
    """
    bounds = _bounds(limits, state)
    if not bounds or min(bounds.values()) <= 0:
        return
    costs = CostModel(state, evaluator)
    fixed: set[int] = set()
    for _ in range(_MAX_MOVES):
        name = max(bounds, key=lambda name: costs.totals[name] / bounds[name])
        excess = costs.totals[name] - bounds[name]
        number = costs.costliest(name, fixed) if excess > 0 else None
        if number is None:
            return
        factor = max(_MIN_FACTOR, 1 - excess / costs.cost(name, number))
        moves = [
            (label, value)
            for label in costs.width_labels(number)
            if (value := grid.largest_below(label, state.vals[label] * factor, state.vals[label])) is not None
        ]
        if moves:
            costs.move(*moves[int(rng.random() * len(moves))])
        else:
            fixed.add(number)


def _bounds(limits: Sequence[Constraint], state: RepairState) -> dict[str, float]:
    """Return count → the largest value to aim at; a limit on the size of the model is one on its parameters."""
    bounds = {limit.name: limit.bound for limit in limits if limit.name in COUNTS}
    for limit in limits:
        if limit.name == MODEL_BYTES:
            weighted = len({step.layer for step in state.steps if step.layer.weighted})
            weights = limit.bound - predict_bytes_beside_weights(len(state.steps), weighted)
            bounds["params"] = min(weights / bytes_per_number(), bounds.get("params", math.inf))
    return {name: bound * _TARGET for name, bound in bounds.items()}
