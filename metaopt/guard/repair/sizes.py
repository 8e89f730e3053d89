"""Widths fitted to limits: the layer that costs most is made narrower, again and again, until the sum fits."""

from collections.abc import Sequence

import numpy as np

from metaopt.guard.repair.ladders import Ladders
from metaopt.guard.repair.plan import Coefficients, Shop, has_width
from metaopt.guard.repair.walk import Walk
from metaopt.trials.constraints import Constraint

_AIM = 0.98  # of the limit: what follows other branches is known only once it is made
_LARGEST_CUT = 0.5  # of a width, in one step
_MOST_CUTS = 1_000

LIMITED = ("params", "macs")


class Costs:
    """The parameters and multiply-accumulates of a walked network, and how they change with its widths.

    Attributes:
        sums: limit's name → of the whole network.
    """

    def __init__(self, walk: Walk, shop: Shop):
        self._walk = walk
        self._shop = shop
        n = len(walk.steps)
        self._channels = [0.0] * n
        self._costs = {name: [0.0] * n for name in LIMITED}
        self.sums = dict.fromkeys(LIMITED, 0.0)
        self._users: list[list[int]] = [[] for _ in range(n)]  # steps whose channels or cost depend on a step
        self._by_label: dict[str, list[int]] = {}
        self._labels: dict[int, list[str]] = {}
        self._coefficients: dict[int, Coefficients] = {}
        self._counted_before = set()
        counted = set()
        for number, step in enumerate(walk.steps):
            inputs = step.inputs
            for back in inputs:
                self._users[number - back].append(number)
            if step.leader:
                self._users[number - step.leader].append(number)
            for label in step.width_labels:
                self._by_label.setdefault(label, []).append(number)
            if step.layer.weighted and number not in walk.left_out and len(inputs) == 1:
                size = walk.sizes[number - inputs[0]]
                self._coefficients[number] = shop.coefficients(step, size, walk.sizes[number], walk.arguments[number])
                if step.layer in counted:
                    self._counted_before.add(number)
                counted.add(step.layer)
            if step.passes and inputs and number not in self._coefficients:
                self._channels[number] = self._channels[number - inputs[0]]
            else:
                self._update(number)

    def costliest(self, name: str, but: set[int]) -> int | None:
        """The step that costs most, of those that cost anything."""
        costs = self._costs[name]
        steps: Sequence[int] = range(len(costs))
        number = max([step for step in steps if step not in but] if but else steps, key=costs.__getitem__, default=None)
        return number if number is not None and costs[number] > 0 else None

    def cost(self, name: str, number: int) -> float:
        """What a step costs."""
        return self._costs[name][number]

    def width_labels(self, number: int) -> list[str]:
        """The labels of the widths of a step's output and input."""
        known = self._labels.get(number)
        if known is not None:
            return known
        steps = self._walk.steps
        found = [*steps[number].width_labels]
        pending = [number - back for back in steps[number].inputs]
        for before in pending:  # grows as it goes
            step = steps[before]
            found += step.width_labels
            if step.leader:
                pending.append(before - step.leader)
            elif not has_width(step.layer):
                pending += [before - back for back in step.inputs]
        self._labels[number] = list(dict.fromkeys(found))
        return self._labels[number]

    @property
    def labels(self) -> list[str]:
        """The labels of all widths that the space decides."""
        return list(self._by_label)

    def move(self, label: str, value: float) -> None:
        """Moves a label of widths, and all costs with it."""
        self._walk.move({label: value})
        pending = list(self._by_label.get(label, ()))
        for number in pending:  # grows as it goes
            if self._update(number):
                pending += self._users[number]

    def _update(self, number: int) -> bool:
        """Computes the channels and costs of a step anew; returns whether its channels have changed."""
        walk, channels = self._walk, self._channels
        step = walk.steps[number]
        before = channels[number - step.inputs[0]] if step.inputs else 0.0
        if step.width is not None:
            now = float(step.width(walk.vals))
        elif step.passes and step.inputs:
            now = before
        elif not step.inputs or (has_width(step.layer) and not step.leader):
            now = float(step.channels)
        elif step.leader:
            now = channels[number - step.leader]
        elif step.layer.merges and not step.layer.symmetric:
            now = sum([channels[number - back] for back in step.inputs])
        else:
            now = before * walk.factors[number]
        changed = now != channels[number]
        channels[number] = now
        coefficients = self._coefficients.get(number)
        if coefficients is not None:
            both = before * now
            for name, (alpha, beta, gamma, delta) in zip(LIMITED, coefficients, strict=True):
                costs = self._costs[name]
                cost = alpha * both + beta * now + gamma * before + delta
                if name == "params" and number in self._counted_before:
                    cost = 0.0
                self.sums[name] += cost - costs[number]
                costs[number] = cost
        return changed


def fit(walk: Walk, shop: Shop, limits: Sequence[Constraint], ladders: Ladders, rng: np.random.Generator) -> None:
    """Moves widths until the network keeps the limits, as far as can be told from here and as far as they go."""
    bounds = {limit.name: limit.bound * _AIM for limit in limits if limit.name in LIMITED}
    if not bounds or min(bounds.values()) <= 0:
        return
    costs = Costs(walk, shop)
    fixed: set[int] = set()
    for _ in range(_MOST_CUTS):
        name = max(bounds, key=lambda name: costs.sums[name] / bounds[name])
        excess = costs.sums[name] - bounds[name]
        number = costs.costliest(name, fixed) if excess > 0 else None
        if number is None:
            return
        cut = max(_LARGEST_CUT, 1 - excess / costs.cost(name, number))
        moves = [
            (label, value)
            for label in costs.width_labels(number)
            if (value := ladders.below(label, walk.vals[label] * cut, walk.vals[label])) is not None
        ]
        if moves:
            costs.move(*moves[int(rng.random() * len(moves))])
        else:
            fixed.add(number)
