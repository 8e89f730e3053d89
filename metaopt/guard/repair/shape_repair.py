"""Shape repair: labels are moved, layer by layer, until no layer has an empty output.

Strides come first: where together they shrink the image to nothing long before the end of the stack, strides of random
layers are lowered until the image lasts up to a random depth. Then shapes are propagated from the input, and a layer
with an empty output gets the nearest arguments that give it one, by moving one label or two. If there are none, the
layer is removed by the choice that it depends on.
"""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import combinations, product
from typing import Any

import numpy as np

from metaopt.guard.repair.layer_evaluator import LayerEvaluator, Output, Size, Step
from metaopt.guard.repair.repair_state import RepairState
from metaopt.guard.repair.value_grid import ValueGrid
from metaopt.spaces import Space

# A way to repair a layer: (number of a label, new value), once or twice.
Fix = tuple[tuple[int, float], ...]
# A fix, with the output and the arguments of the repaired layer.
_EvaluatedFix = tuple[Fix, Output | None, tuple[Any, ...]]

_MAX_MEMOISED = 1 << 16


class ShapeRepair:
    """Repairs the shapes of networks of one space.

    Fixes are memoised for layers with the same signature, size and values. This saves time and changes no result.
    """

    def __init__(self, space: Space, grid: ValueGrid, evaluator: LayerEvaluator):
        self._space = space
        self._grid = grid
        self._evaluator = evaluator
        self._fixes: dict[Any, list[Fix]] = {}
        self._evaluated_fixes: dict[Any, list[_EvaluatedFix]] = {}
        self._n_dependents = _count_dependents(space)
        self._controlling: dict[tuple[str, ...], list[tuple[str, int]]] = {}

    def is_broken(self, steps: Sequence[Step], vals: Mapping[str, float]) -> bool:
        """Return whether a step of a chain has an empty output."""
        size: Size = ()
        for step in steps:
            if not step.inputs:
                size = step.size
            elif not step.keeps_shape:
                output = self._evaluator.output(step, size, step.arguments(vals))
                if output is None:
                    return True
                size = output[0]
        return False

    def repair(self, state: RepairState, rng: np.random.Generator) -> None:
        """Move labels until every layer has an output, as far as the trace tells."""
        self._lower_strides(state, rng)
        self._propagate(state, rng)

    def propagate(self, state: RepairState) -> None:
        """Propagate shapes without moving labels; the state becomes invalid if a layer has no output."""
        self._propagate(state, None)

    def _propagate(self, state: RepairState, rng: np.random.Generator | None) -> None:
        """Propagate shapes from the input; with a generator, repair layers that have no output."""
        sizes, vals, output_of = state.sizes, state.vals, self._evaluator.output
        for number, step in enumerate(state.steps):
            arguments: tuple[Any, ...] = ()
            factor = 1.0
            if not step.inputs:
                size = step.size
            elif step.layer.merges:
                size = _merged_size(state, number)
            else:
                size = sizes[number - step.inputs[0]]
                if not step.keeps_shape:
                    arguments = step.arguments(vals)
                    output = output_of(step, size, arguments)
                    if output is None and rng is not None:
                        output, arguments = self._repair_step(state, number, size, rng)
                    elif output is None:
                        state.is_valid = False
                    if output is not None:
                        size, factor = output
            sizes.append(size)
            state.factors.append(factor)
            state.arguments.append(arguments)

    def _lower_strides(self, state: RepairState, rng: np.random.Generator) -> None:
        """Lower strides until the image lasts up to a random depth."""
        halvings: dict[str, float] = {}
        vals = state.vals
        for step in state.steps:
            strides = step.strides
            if strides is not None and (reduction := _halvings(strides(vals))):
                for label in step.stride_labels:
                    halvings[label] = reduction
        image = math.log2(max([min(step.size) for step in state.steps if not step.inputs and step.size], default=1))
        total = sum(halvings.values())
        if total <= image:
            return
        total *= rng.uniform(image / total, 1)  # share of the strides after which the image may end
        share = total / sum(halvings.values())
        image *= rng.random()  # kernels without padding shrink it too
        labels = list(halvings)
        for index in rng.permutation(len(labels)).tolist():
            if total <= image:
                return
            label = labels[index]
            value = vals[label]
            lower = self._grid.values_below(label, value)
            if lower:
                chosen = lower[int(rng.random() * len(lower))]
                left = math.log(max(chosen, 1)) / math.log(value) if value > 1 else 0.0
                total -= share * halvings[label] * (1 - left)
                vals[label] = chosen
                state.moved.add(label)

    def _repair_step(
        self, state: RepairState, number: int, size: Size, rng: np.random.Generator
    ) -> tuple[Output | None, tuple[Any, ...]]:
        """Move the labels of a layer that has no output; return its output, or None, and its arguments."""
        step, vals = state.steps[number], state.vals
        if not step.labels:
            return None, ()
        labels = step.labels
        wanted = tuple([vals[label] for label in labels])
        key = (step.signature, size, wanted)
        evaluated = self._evaluated_fixes.get(key)
        if evaluated is None and all(map(self._grid.is_snapped, labels, wanted)):
            evaluated = [self._evaluate(fix, step, size, wanted) for fix in self._find_fixes(state, step, size)]
            if len(self._evaluated_fixes) < _MAX_MEMOISED:
                self._evaluated_fixes[key] = evaluated
        fixes: Sequence[Any] = self._find_fixes(state, step, size) if evaluated is None else evaluated
        while fixes:
            chosen = fixes[int(rng.random() * len(fixes))]
            fix, output, arguments = self._evaluate(chosen, step, size, wanted) if evaluated is None else chosen
            if output is not None:
                for which, value in fix:
                    vals[labels[which]] = value
                    state.moved.add(labels[which])
                return output, arguments
            # Fixes were found for values on the grid, and may fail for values between them.
            fixes = [other for other in fixes if other is not chosen]
        if self._remove_layer(state, step, rng):
            state.removed.add(number)
        else:
            state.is_valid = False
        return None, step.arguments(vals)

    def _evaluate(self, fix: Fix, step: Step, size: Size, wanted: Sequence[float]) -> _EvaluatedFix:
        """Return a fix with the output and the arguments that it gives the layer."""
        vals = dict(zip(step.labels, wanted, strict=True))
        for which, value in fix:
            vals[step.labels[which]] = value
        arguments = step.arguments(vals)
        return fix, self._evaluator.output(step, size, arguments), arguments

    def _find_fixes(self, state: RepairState, step: Step, size: Size) -> list[Fix]:
        """Return the nearest values with which the layer has an output: of each label alone, else of each pair."""
        values = tuple([self._grid.snap(label, state.vals[label]) for label in step.labels])
        key = (step.signature, size, values)
        found = self._fixes.get(key)
        if found is None:
            found = self._search_fixes(step, values, size)
            if len(self._fixes) < _MAX_MEMOISED:
                self._fixes[key] = found
        return found

    def _search_fixes(self, step: Step, values: Sequence[float], size: Size) -> list[Fix]:
        labels = step.labels
        vals = dict(zip(labels, values, strict=True))
        nearest = [self._grid.nearest(label, vals[label]) for label in labels]

        def has_output(moves: Mapping[str, float]) -> bool:
            return self._evaluator.output(step, size, step.arguments({**vals, **moves})) is not None

        fixes: list[Fix] = []
        for number, label in enumerate(labels):
            value = next((value for value in nearest[number] if has_output({label: value})), None)
            if value is not None:
                fixes.append(((number, value),))
        if fixes:
            return fixes
        for first, second in combinations(range(len(labels)), 2):
            pairs = product(range(len(nearest[first])), range(len(nearest[second])))
            for i, j in sorted(pairs, key=sum):
                one, other = nearest[first][i], nearest[second][j]
                if has_output({labels[first]: one, labels[second]: other}):
                    fixes.append(((first, one), (second, other)))
                    break
        return fixes

    def _remove_layer(self, state: RepairState, step: Step, rng: np.random.Generator) -> bool:
        """Move the choice that controls the layer and the fewest other labels to another option, if there is one."""
        for choice, index in self._controlling_choices(step.labels):
            options = [option for option in self._grid.values(choice) if option != index]
            if options and state.vals.get(choice) == index:
                state.move({choice: options[int(rng.random() * len(options))]})
                return True
        return False

    def _controlling_choices(self, labels: tuple[str, ...]) -> list[tuple[str, int]]:
        """Return the choices that activate labels, with their options; those with the fewest dependents first."""
        found = self._controlling.get(labels)
        if found is None:
            above = {pair for label in labels for one in self._space.by_label[label].conditions for pair in one}
            found = self._controlling[labels] = sorted(above, key=lambda pair: (self._n_dependents[pair[0]], pair))
        return found


def smallest_strides(steps: Sequence[Step], vals: Mapping[str, float], grid: ValueGrid) -> dict[str, float]:
    """Return the value of each stride label at which the stride is smallest, given the other values."""
    found: dict[str, float] = {}
    for step in steps:
        if step.strides is not None:
            for label in step.stride_labels:
                strides = [(_halvings(step.strides({**vals, label: value})), value) for value in grid.values(label)]
                found[label] = min(strides)[1]
    return found


@lru_cache(maxsize=1 << 10)
def _halvings(stride: Any) -> float:
    """Return how many times strides halve the image."""
    return math.log2(max(1, *stride) if isinstance(stride, tuple) else max(1, stride))


def _merged_size(state: RepairState, number: int) -> Size:
    """Return the size of merged tensors: that of the first input that is no projection, else of the first input."""
    before = [number - back for back in state.steps[number].inputs]
    leading = [other for other in before if not state.steps[other].is_projection] or before
    return state.sizes[leading[0]]


def _count_dependents(space: Space) -> dict[str, int]:
    """Return the number of labels that each choice activates with some of its options only."""
    counts = dict.fromkeys(space.labels, 0)
    for parameter in space.parameters:
        for choice in {choice for alternative in parameter.conditions for choice, _ in alternative}:
            counts[choice] += 1
    return counts
